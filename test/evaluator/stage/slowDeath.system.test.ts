import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { timeFault, usageFault } from '../../../evaluator/attest/consistency/stages.ts';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox } from '../../../evaluator/sandbox/createSandbox.ts';
import {
  describeWith,
  machine,
  makeEntry,
  makeTinyTrack,
  plainImage,
  processesWith,
  temporaryFolder,
} from '../fixtures.ts';

const source = fileURLToPath(new URL('slowDeath/slowDeath.c', import.meta.url));
let program: Buffer;
beforeAll(async () => {
  const path = join(await temporaryFolder(), 'slowDeath');
  await execa(process.env.CXX ?? 'c++', ['-x', 'c', '-static', '-o', path, source]);
  program = await readFile(path);
});

for (const kind of ['bubblewrap', 'docker'] as const) {
  const suite = await describeWith(kind);
  suite(`in the sandbox ${kind}`, () => {
    test('an entry whose processes take seconds to die is stopped on time, and gains no second run', async () => {
      const folder = await temporaryFolder();
      const record = await runEntry(
        {
          entryPath: await makeEntry(folder, {
            files: { slowDeath: program },
            train: `
              echo weights > "$HAET_OUT_DIR/model"
              cp slowDeath "$HAET_WORK_DIR/haet-slow-death" && chmod +x "$HAET_WORK_DIR/haet-slow-death"
              exec "$HAET_WORK_DIR/haet-slow-death" 1000000000 300`,
          }),
          track: await makeTinyTrack(folder),
          runsFolder: join(folder, 'runs'),
          seed: 1,
          limits: { trainSeconds: 10 },
          memoryBytes: 4 * 2 ** 30,
          machine,
        },
        await createSandbox(kind, { image: plainImage }),
      );
      expect(record).toMatchObject({ verdict: 'SCORED_SALVAGED', owner: 'contestant' });
      const { kill, seconds } = record.stages[0]!;
      expect(kill!.processesKilled).toBeGreaterThan(250);
      expect(kill!.overshootMs).toBeLessThan(1000);
      expect(seconds).toBe(kill!.stoppedAtSeconds);
      // It can be signed: nothing was measured after the moment at which it was stopped.
      expect([timeFault(record), usageFault(record)]).toEqual([null, null]);
      process.stdout.write(
        `${kind}: stopped ${kill!.overshootMs.toFixed(0)} ms after the deadline, gone ${(1000 * (kill!.goneAtSeconds - 10)).toFixed(0)} ms after it\n`,
      );
      expect(processesWith('haet-slow-death')).toEqual([]);
    });
  });
}
