import { runtimeIsReady } from '../evaluator/machine/runtime.ts';
import { readEnd } from '../evaluator/report/readEnd.ts';
import type { RunRecord } from '../evaluator/run/record.ts';

/** How Node reports that an entry imports or requires a package of the runtime that is not there. */
const missingPackage = /Cannot find (?:package|module) '@tensorflow\/tfjs/;

/**
 * Returns what to do about a run: the advice of its verdict, or, if the entry crashed for want of TensorFlow.js, to set it
 * up.
 * @param isReady whether the runtime of entries is set up here
 */
export async function adviceOf(record: RunRecord, isReady = runtimeIsReady()): Promise<string> {
  const { verdict, stages, folder, sandbox, advice } = record;
  const stage = stages.at(-1);
  // An image has a runtime of its own.
  if (verdict !== 'CRASHED' || stage === undefined || sandbox.kind === 'docker' || isReady) return advice;
  const end = await readEnd(folder, `${stage.stage}.stderr.log`, 16_384).catch(() => null);
  return end !== null && missingPackage.test(end.tail)
    ? 'The entry needs TensorFlow.js, which is not set up here: run `haet setup`.'
    : advice;
}
