import { z } from 'zod';
import type { Finding } from '../evaluator/machine/machineDoubts.ts';

/** The output of submission/gpuProof/main.ts. */
const verdictSchema = z.object({
  failure: z.object({ why: z.string(), remedy: z.string() }).nullable(),
  compared: z.number(),
  largest: z.object({ result: z.string(), difference: z.number() }).nullable(),
});

/** Describes the check of the GPU. @param line the program's last line of output */
export function gpuFinding(line: string): Finding {
  const verdict = parse(line);
  if (verdict === null) {
    return { name: 'GPU', value: 'could not be checked', remedy: 'run `npm run setup` in the clone' };
  }
  const { failure, compared, largest } = verdict;
  if (failure !== null) {
    return { name: 'GPU', value: `does not work: ${failure.why}`, remedy: failure.remedy };
  }
  const percent = Number((100 * (largest?.difference ?? 0)).toPrecision(2));
  const value = `works: ${compared} results agree with the CPU's; the largest difference is ${percent} %, of the ${largest?.result}`;
  return { name: 'GPU', value, remedy: null };
}

function parse(line: string): z.infer<typeof verdictSchema> | null {
  try {
    return verdictSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
