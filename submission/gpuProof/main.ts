// Prints the verdict on this machine's GPU as one JSON line. For set-up and `haet check-machine`.
import { proveGpu } from './proveGpu.ts';

/** cuDNN and the driver prepare their kernels in the first run. */
const defaultSeconds = 300;

const seconds = Number(process.argv[2] ?? defaultSeconds);
if (!(seconds > 0)) throw new Error(`${process.argv[2]}: must be a number of seconds above 0.`);
process.stdout.write(`${JSON.stringify(await proveGpu(seconds))}\n`);
