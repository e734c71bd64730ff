import { commandDoubts } from '../intake/commandDoubts.ts';
import { type RunSteps, stagesOf } from './factsOf.ts';

/** Exit statuses of a shell and of env(1) for a program that cannot be executed, or is not found. */
const notStarted = [126, 127];

/** Returns what probably kept the command of the first failed stage from starting, one sentence each. */
export async function startDoubts(
  steps: Pick<RunSteps, 'intake' | 'trained' | 'predicted' | 'again'>,
): Promise<string[]> {
  const { entry } = steps.intake;
  const failed = stagesOf(steps).find(
    ({ record: { ended, exitCode } }) => ended !== 'exited' || exitCode !== 0,
  );
  if (entry === null || failed === undefined) return [];
  const { ended, exitCode, stage } = failed.record;
  if (ended !== 'failed-to-start' && !notStarted.includes(exitCode ?? 0)) return [];
  const doubts = await commandDoubts(entry.folder, entry.manifest[stage === 'train' ? 'train' : 'predict']);
  return doubts.map((doubt) => `${stage}: ${doubt}`);
}
