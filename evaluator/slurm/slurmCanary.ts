import { join } from 'node:path';
import type { Canary } from '../grade/canary/canary.ts';
import { type Judgement, readJudgements } from '../grade/canary/canaryLog.ts';
import { readCanaryRun } from '../grade/canary/canaryRuns.ts';
import { judgeCanaries } from '../grade/canary/judgeCanaries.ts';
import { readCanaryMark } from '../run/canaryMark.ts';
import type { RunRecord } from '../run/record.ts';
import { drainNode } from './commands.ts';
import { hasResult, takeInResult } from './takeIn.ts';
import { resultFolder, type Task } from './task.ts';

/** The canary of a grading on Slurm. */
export interface SlurmCanary {
  /** What nodes are told. */
  readonly task: NonNullable<Task['canary']>;
  /**
   * Takes in and judges what nodes ran of it since the last call, and drains those where it is out of its band.
   * @returns the new judgements
   */
  judge(): Promise<Judgement[]>;
  /** Whether the canary that a result follows is judged, or there was none. */
  isJudged(attemptFolder: string): Promise<boolean>;
}

/** @param evaluator that runs must have been made with */
export function createSlurmCanary(
  { warn, ...given }: Canary,
  sandbox: Task['sandbox']['kind'],
  evaluator: RunRecord['evaluator'],
): SlurmCanary {
  const { archive, terms, band, every, outFolder } = given;
  const { archiveSha256, seed, track, limits } = terms;
  const said = new Set<string>();
  const canary: Canary = {
    ...given,
    warn(sentence) {
      if (!said.has(sentence)) warn(sentence); // it is judged every second
      said.add(sentence);
    },
  };

  /** Takes in the result of a node, if it left one. */
  async function takeIn(folder: string): Promise<void> {
    if (!(await hasResult(folder))) return;
    const { number: attempt } = await readCanaryRun(folder);
    const { trainSeconds = 0, predictSeconds = 0, processes = 0 } = limits;
    const told = { trainSeconds, predictSeconds, processes };
    const expected = { attemptFolder: folder, archiveSha256, seed, attempt, track, limits: told };
    await takeInResult({ ...expected, sandbox: { kind: sandbox } }, evaluator);
  }

  return {
    task: { archive, archiveSha256, seed, every, band, outFolder },
    async judge() {
      return judgeCanaries(canary, {
        takeIn,
        async act(node, because) {
          const refused = await drainNode(node, because);
          if (refused === null) return 'drained';
          canary.warn(`Slurm refused to drain node ${node}: ${refused}`);
          return 'left out';
        },
      });
    },
    async isJudged(attemptFolder) {
      const mark = await readCanaryMark(join(attemptFolder, resultFolder)).catch(() => null); // found when it is read
      if (mark === null) return true;
      const log = await readJudgements(outFolder);
      return log.some(({ node, number }) => node === mark.node && number === mark.number);
    },
  };
}
