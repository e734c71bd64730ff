import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attemptsIn, readJson } from '../chaos/events.ts';
import type { SlurmCluster } from '../slurmCluster.ts';

/** What was done to a node, and which archive (sha256) it was running then; null if none. */
export interface Disturbed {
  readonly node: string;
  readonly sha256: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What was done to a cluster while it graded. */
export interface Disturbance {
  readonly lost: Disturbed;
  readonly drained: Disturbed;
}

/** An attempt that runs on a node. */
interface Running {
  readonly node: string;
  readonly sha256: string;
  readonly stage: unknown;
  readonly seconds: number;
}

/**
 * Waits until an archive trains, then drains another node, if possible one that runs something, and kills the one that
 * trains it with all that runs there.
 * @param outs folders of the gradings
 * @param trainedFor seconds of training before the kill
 * @returns null if `over` was aborted first
 */
export async function disturb(
  cluster: SlurmCluster,
  nodes: readonly string[],
  outs: readonly string[],
  victim: string,
  trainedFor: number,
  over: AbortSignal,
): Promise<Disturbance | null> {
  while (!over.aborted) {
    const running = runningIn(cluster, outs);
    const trained = running.find(
      ({ sha256, stage, seconds }) => sha256 === victim && stage === 'train' && seconds >= trainedFor,
    );
    if (trained !== undefined) {
      const others = nodes.filter((node) => node !== trained.node);
      const other = running.find(({ node }) => others.includes(node));
      const node = other?.node ?? others[0]!;
      cluster.run('scontrol', 'update', `NodeName=${node}`, 'State=DRAIN', 'Reason=real entries');
      const drained = { node, sha256: other?.sha256 ?? null, at: Date.now() };
      cluster.loseNode(trained.node);
      return { drained, lost: { node: trained.node, sha256: victim, at: Date.now() } };
    }
    await sleep(200);
  }
  return null;
}

function runningIn(cluster: SlurmCluster, outs: readonly string[]): Running[] {
  const tasks = cluster.run('squeue', '--noheader', '--states=running', '--format=%j/%K %N');
  const nodes = new Map(tasks.split('\n').map((line) => line.split(' ') as [string, string]));
  return outs.flatMap(attemptsIn).flatMap((attempt): Running[] => {
    const [issued, start, status] = ['issued.json', 'start.json', 'status.json'].map((file) =>
      readJson(join(attempt, file)),
    );
    const node = nodes.get(`${issued?.batch}/${issued?.index}`);
    if (node === undefined || !start || !status) return [];
    const { stage, stageSince } = status;
    const seconds = (Date.now() - Number(stageSince)) / 1000;
    return [{ node, sha256: String(start.archiveSha256), stage, seconds }];
  });
}
