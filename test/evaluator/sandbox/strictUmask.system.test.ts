import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { trackFiles } from '../../../datasets/track.ts';
import { packEntry } from '../../../evaluator/intake/packEntry.ts';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox, type SandboxKind } from '../../../evaluator/sandbox/createSandbox.ts';
import { describeWith, folderWithTrack, good, machine, makeEntry, plainImage } from '../fixtures.ts';

let made: Awaited<ReturnType<typeof folderWithTrack>>;
let entry: string;
let archive: string;
beforeAll(async () => {
  made = await folderWithTrack();
  await chmod(made.folder, 0o755);
  // Its program can be started only by its owner, and reads the training half of the Track.
  entry = await makeEntry(made.folder, {
    train: `head -c 1 "$HAET_TRAIN_DIR/labels.npy" > /dev/null && ${good.train}`,
    predict: `head -c 1 "$HAET_TEST_IMAGES" > /dev/null && ${good.predict}`,
    manifest: { train: ['./start.sh'] },
    files: { 'start.sh': '#!/bin/sh\nexec sh train.sh\n' },
  });
  await chmod(join(entry, 'start.sh'), 0o700);
  archive = join(made.folder, 'entry.tar.gz');
  await packEntry(entry, archive);
  await chmod(archive, 0o600);
  spawnSync('chmod', ['-R', 'go=', entry, made.trackDir]);
});

const run = async (kind: SandboxKind, entryPath: string) => {
  const before = process.umask(0o077);
  try {
    // The page cache is not dropped: with cold files every run would take several times as long.
    const { pageCache, ...sandbox } = await createSandbox(
      kind,
      kind === 'docker' ? { image: plainImage } : {},
    );
    return await runEntry(
      {
        entryPath,
        track: made.track,
        // Not one for all: with the sandbox `process` it is made under this umask.
        runsFolder: join(made.folder, `runs-${kind}`),
        seed: 1,
        limits: { trainSeconds: 20, predictSeconds: 20 },
        machine,
      },
      sandbox,
    );
  } finally {
    process.umask(before);
  }
};

for (const kind of ['process', 'bubblewrap', 'docker', 'user'] as const) {
  const suite = await describeWith(kind);
  suite(`in the sandbox ${kind}, with everything made under umask 077,`, () => {
    test.each(['folder', 'archive'] as const)(
      'an entry that is a %s is scored, and no copy stays',
      async (form) => {
        const record = await run(kind, form === 'folder' ? entry : archive);
        expect(record).toMatchObject({ verdict: 'SCORED' });
        for (const copy of ['entry', 'track']) expect(existsSync(join(record.folder, copy))).toBe(false);
        // What its owner closed stays closed.
        for (const path of [entry, join(made.trackDir, trackFiles.testLabels)]) {
          expect((await stat(path)).mode & 0o077).toBe(0);
        }
      },
    );
  });
}
