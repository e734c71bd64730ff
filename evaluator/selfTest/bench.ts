import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TrackInfo, trackFiles } from '../../datasets/track.ts';
import type { RunRecord } from '../run/record.ts';
import { makeOwnFolder } from '../sandbox/ownNames.ts';
import { removePath } from '../sandbox/removeTree.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { createSurroundings, type Surroundings } from './surroundings.ts';
import { makeTinyTrack } from './tinyTrack.ts';

/** Where attacks are run, one at a time: a Track, a folder for runs, and targets around it. */
export interface Bench {
  readonly sandbox: Sandbox;
  readonly machine: RunRecord['machine'];
  readonly scratch: string;
  readonly entries: string;
  readonly runs: string;
  readonly track: { readonly dir: string; readonly info: TrackInfo };
  readonly surroundings: Surroundings;
  /** Removes everything that the bench made; may be called again. */
  close(): Promise<void>;
}

export async function openBench(sandbox: Sandbox, machine: RunRecord['machine']): Promise<Bench> {
  const scratch = await makeOwnFolder('self-test');
  await chmod(scratch, 0o755); // an entry may run as another user
  const [entries, runs] = [join(scratch, 'entries'), join(scratch, 'runs')];
  await mkdir(entries);
  await mkdir(runs);
  const track = await makeTinyTrack(scratch);
  const surroundings = await createSurroundings({
    canary: join(scratch, 'canary'),
    labels: join(track.dir, trackFiles.testLabels),
    runs,
  });
  let closed: Promise<void> | null = null;
  const close = async () => {
    await surroundings.close();
    await removePath(scratch);
  };
  return {
    sandbox,
    machine,
    scratch,
    entries,
    runs,
    track,
    surroundings,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}
