import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What happens around a submission, one after the other. */
export const sbatchFaults = {
  'coordinator dies before sbatch': 'kill -9 $PPID; exit 1',
  'coordinator dies after sbatch': 'sbatch "$@" > /dev/null; kill -9 $PPID; exit 1',
  'coordinator dies, sbatch goes on': 'kill -9 $PPID; sleep 2; exec sbatch "$@"',
  "sbatch's answer is lost": `sbatch "$@" > /dev/null
echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1`,
  'sbatch cannot reach slurmctld': `echo 'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)' >&2; exit 1`,
} as const;
export type SbatchFault = keyof typeof sbatchFaults;

/** An sbatch in front of the real one, which does what is asked of it at its next call. */
export interface FaultySbatch {
  /** Folder for the front of PATH. */
  readonly folder: string;
  /** Asks for a fault at the next call. */
  arm(fault: SbatchFault): Promise<void>;
  /** Whether no fault is asked for that has not happened. */
  isSpent(): boolean;
}

/** Writes an sbatch into a folder. */
export async function makeFaultySbatch(parent: string): Promise<FaultySbatch> {
  const folder = join(parent, 'bin');
  await mkdir(folder);
  const next = join(parent, 'next-fault');
  const script = `#!/bin/sh
PATH=\${PATH#${folder}:}
if mv '${next}' '${next}'.$$ 2>/dev/null; then . '${next}'.$$; fi
exec sbatch "$@"
`;
  await writeFile(join(folder, 'sbatch'), script);
  await chmod(join(folder, 'sbatch'), 0o755);
  return {
    folder,
    arm: (fault) => writeFile(next, `${sbatchFaults[fault]}\n`),
    isSpent: () => !existsSync(next),
  };
}
