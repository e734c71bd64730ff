import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { createSandbox } from '../../../../evaluator/sandbox/createSandbox.ts';
import { entryUser } from '../../../../evaluator/sandbox/entryUser.ts';
import type { StageSpec } from '../../../../evaluator/sandbox/sandbox.ts';
import { describeWith, temporaryFolder } from '../../fixtures.ts';

const mebibyte = 2 ** 20;
const limits = {
  cpus: 1,
  memoryBytes: 2 ** 28,
  processes: 100,
  workBytes: 2 * mebibyte,
  outBytes: 8 * mebibyte,
  outFiles: 100,
};

/** Runs a shell script as a stage. @returns its output and its output folder, after the stage was killed */
async function runScript(script: string, change: Partial<typeof limits> = {}) {
  const sandbox = await createSandbox('user', {});
  const [out, work] = [await temporaryFolder(), await temporaryFolder()];
  const spec: StageSpec = {
    argv: ['sh', '-c', script],
    cwd: '/',
    environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HAET_OUT_DIR: out },
    progress: false,
    mounts: [],
    out: { host: out, inside: out },
    work,
    limits: { ...limits, ...change },
  };
  const stage = await sandbox.start(spec);
  const [said] = await Promise.all([text(stage.stdout), text(stage.stderr), stage.exited]);
  await stage.kill();
  return { said: said.trim(), out };
}

/** Returns the rows of the kernel's lists of System V IPC that contain a user's number. */
const rowsOf = (user: number): string[] =>
  ['shm', 'sem', 'msg'].flatMap((kind) =>
    readFileSync(`/proc/sysvipc/${kind}`, 'latin1')
      .split('\n')
      .filter((row) => row.split(/\s+/).includes(String(user))),
  );

(await describeWith('user'))('the sandbox of the image', () => {
  test('removes the kernel objects of a stage, also those its owner may not read, and no others', async () => {
    const make = 'for mode in 600 000; do ipcmk -M 64 -p $mode; ipcmk -S 1 -p $mode; ipcmk -Q -p $mode; done';
    const { stdout } = await execa('ipcmk', ['-M', '64']);
    const own = stdout.split(' ').at(-1)!;
    try {
      const { said } = await runScript(`${make}; cat /proc/sysvipc/shm`);
      expect(said.match(/^(Shared memory|Semaphore|Message queue) id: \d+$/gm)).toHaveLength(6);
      expect(said).toContain(` ${entryUser} `);
      expect(rowsOf(entryUser)).toEqual([]);
      expect(readFileSync('/proc/sysvipc/shm', 'latin1')).toMatch(new RegExp(`^ *-?\\d+ +${own} `, 'm'));
    } finally {
      await execa('ipcrm', ['-m', own]);
    }
  });

  test('removes more than fit into one command line', async () => {
    const { said } = await runScript('for i in $(seq 1100); do ipcmk -S 1; done | wc -l');
    expect(Number(said)).toBe(1100);
    expect(rowsOf(entryUser)).toEqual([]);
  });

  test.each([
    ['the output folder, with a small margin', {}, 9],
    ['the scratch folder if that is larger', { workBytes: 16 * mebibyte }, 16],
  ])('lets no file grow beyond the limit in %s', async (_, change, mebibytes) => {
    const { said, out } = await runScript(
      `head -c 100M /dev/zero > "$HAET_OUT_DIR/big" || echo refused; truncate -s 100M "$HAET_OUT_DIR/hole" || echo refused`,
      change,
    );
    expect(said).toBe('refused\nrefused');
    expect(statSync(join(out, 'big')).size).toBe(mebibytes * mebibyte);
    expect(statSync(join(out, 'hole')).size).toBe(0);
  });
});
