import { chmod, mkdtemp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { makeEntry, makeTinyTrack, plainImage, temporaryFolder } from '../fixtures.ts';

const { exitCode } = await execa('docker', ['image', 'inspect', plainImage], { reject: false });
const withEngine = exitCode === 0 ? describe : describe.skip;

const container = 2 ** 30;
const given = 0.75 * container;
/** Allocates memory in steps, as fast as possible if the pause is 0, far beyond the limit. */
const hog = (megabytes: number, pauseMs: number) => `
  const held = [];
  const more = () => held.push(Buffer.alloc(${megabytes} * 2 ** 20, 1));
  if (${pauseMs}) setInterval(more, ${pauseMs}); else for (;;) more();`;

/** Runs an entry as the image does: in a container of 1 GiB, next to the evaluator. */
async function runIn1GiB(train: string): Promise<RunRecord> {
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  const { dir } = await makeTinyTrack(folder);
  const entry = await makeEntry(folder, {
    train,
    files: { 'slow.cjs': hog(16, 30), 'fast.cjs': hog(256, 0) },
  });
  const out = await mkdtemp(join(folder, 'out-'));
  await chmod(out, 0o755);
  const { stdout, stderr } = await execa(
    'docker',
    [
      ...['run', '--rm', '--init', '--network', 'none', '--pids-limit', '512', '--shm-size', '700m'],
      ...['--memory', `${container}`, '--memory-swap', `${container}`],
      ...['-v', `${resolve('.')}:/opt/haet:ro`, '-v', `${dir}:/track:ro`, '-v', `${entry}:/entry:ro`],
      ...['-v', `${out}:/out`, plainImage, 'node', '/opt/haet/cli/bin.mjs', 'official'],
      ...['--sandbox', 'user', '--entry', '/entry', '--budget', '30', '--json'],
    ],
    { reject: false },
  );
  const last = stdout.trim().split('\n').at(-1)!;
  if (!last.startsWith('{')) throw new Error(`no record: ${stderr}`);
  return JSON.parse(last);
}

withEngine('in a container of 1 GiB next to the evaluator', () => {
  test('an entry gets three quarters, and is killed above that: the evaluator writes its record', async () => {
    const { verdict, limits, evidence } = await runIn1GiB('node slow.cjs');
    expect({ verdict, given: limits.memoryBytes }).toEqual({ verdict: 'OUT_OF_MEMORY', given });
    expect(evidence.join('; ')).toMatch(/train: used \d+ bytes of memory, limit 805306368, and was stopped/);
  });

  test('an entry is also killed for what it puts into shared memory', async () => {
    const { verdict, evidence } = await runIn1GiB(
      'for n in 1 2 3 4 5 6; do head -c 100M /dev/zero > /dev/shm/$n; sleep 0.2; done; exec node slow.cjs',
    );
    expect(verdict).toBe('OUT_OF_MEMORY');
    expect(evidence.join('; ')).toMatch(/used \d+ bytes of memory/);
  });

  test('an entry that allocates faster than the polling is killed by the kernel, and the evaluator survives', async () => {
    const { verdict } = await runIn1GiB(
      'head -c 600M /dev/zero > /dev/shm/x; node fast.cjs & node fast.cjs; wait',
    );
    expect(verdict).toBe('OUT_OF_MEMORY');
  });

  test('an entry within its limit is not killed, also if many of its processes share the same pages', async () => {
    const { verdict, evidence } = await runIn1GiB(
      'for n in 1 2 3 4 5 6 7 8 9 10 11 12; do node -e "setTimeout(() => {}, 3000)" & done; wait; echo x > "$HAET_OUT_DIR/model"',
    );
    expect({ verdict, evidence: evidence.filter((each) => each.includes('memory')) }).toEqual({
      verdict: 'SCORED',
      evidence: [],
    });
  });
});
