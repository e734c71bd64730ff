import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { createSandbox, type SandboxKind } from '../../../evaluator/sandbox/createSandbox.ts';
import type { StageSpec } from '../../../evaluator/sandbox/sandbox.ts';
import { describeWith, plainImage, temporaryFolder } from '../fixtures.ts';

const mebibyte = 2 ** 20;
const limits = {
  cpus: 1,
  memoryBytes: 2 ** 28,
  processes: 100,
  workBytes: 2 ** 24,
  outBytes: 8 * mebibyte,
  outFiles: 100,
};

/** Runs a shell script as a stage. @returns how it ended, its output, and the folder its files were copied to */
async function runScript(kind: SandboxKind, script: string) {
  const sandbox = await createSandbox(kind, { image: plainImage });
  const folder = await temporaryFolder();
  const spec: StageSpec = {
    argv: ['sh', '-c', script],
    cwd: '/',
    environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HAET_RUN_ID: 'output-test' },
    progress: false,
    mounts: [],
    out: { host: folder, inside: '/out' },
    work: '/work',
    limits,
  };
  const stage = await sandbox.start(spec);
  const [said] = await Promise.all([text(stage.stdout), text(stage.stderr), stage.exited]);
  await stage.kill();
  const lost = await stage.output.collect();
  return { said: said.trim(), lost, folder };
}

/** Returns the descriptors of this process that hold a file system in memory. */
const held = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === '/';
    } catch {
      return false;
    }
  });

const isRoot = process.getuid?.() === 0;

for (const kind of ['bubblewrap', 'docker'] as const) {
  // Without root the evaluator cannot look into a container: its output is on the disk, and is watched.
  if (kind === 'docker' && !isRoot) continue;
  const describeHere = await describeWith(kind);

  describeHere(`the output folder of the ${kind} sandbox`, () => {
    test('accepts no more bytes than its size, not even in a file without a name', async () => {
      const { said, folder } = await runScript(
        kind,
        `dd if=/dev/zero of=/out/big bs=1M count=100 2>/dev/null && echo wrote it all
         size=$(stat -c %s /out/big); rm /out/big; echo $size
         exec 9>/out/nameless; rm /out/nameless
         dd if=/dev/zero bs=1M count=100 >&9 2>/dev/null && echo wrote it all
         echo more > /out/more || true; ls /out; rm -f /out/more`,
      );
      const [size, ...rest] = said.split('\n');
      expect(Number(size)).toBeGreaterThanOrEqual(8 * mebibyte);
      expect(Number(size)).toBeLessThanOrEqual(9 * mebibyte);
      expect(rest).toEqual(['more']);
      expect(readdirSync(folder)).toEqual([]);
    });

    test('accepts no more files than its limit', async () => {
      if (!isRoot) return;
      const { said, folder } = await runScript(
        kind,
        'i=0; while true > /out/$i; do i=$((i+1)); done; echo $i',
      );
      expect(said).toBe('115'); // and the folder itself
      const files = readdirSync(folder).length;
      expect(files).toBeGreaterThanOrEqual(limits.outFiles);
      expect(files).toBeLessThan(limits.outFiles + 20);
    });

    test('is copied to disk unchanged and released', async () => {
      const before = held();
      const { said, lost, folder } = await runScript(
        kind,
        `cd /out; mkdir -p a/b; echo deep > a/b/file; ln -s /etc/passwd link; mkfifo pipe; truncate -s 1T sparse
         echo lent > lent; chmod 6755 lent
         touch -d 2040-01-01 future; chmod 400 future; echo same > one; ln one two; stat -c %u:%a .`,
      );
      expect(lost).toBeNull();
      expect(said).toMatch(/:755$/);
      expect(readFileSync(join(folder, 'a/b/file'), 'utf8')).toBe('deep\n');
      expect(readlinkSync(join(folder, 'link'))).toBe('/etc/passwd');
      expect(lstatSync(join(folder, 'pipe')).isFIFO()).toBe(true);
      const { size, blocks } = statSync(join(folder, 'sparse'));
      expect({ size, blocks }).toEqual({ size: 2 ** 40, blocks: 0 });
      expect(statSync(join(folder, 'future')).mode & 0o777).toBe(0o400);
      expect(statSync(join(folder, 'lent')).mode & 0o7777).toBe(0o755); // no set-id bits
      expect(statSync(join(folder, 'future')).mtime.getUTCFullYear()).toBe(2040);
      expect(readFileSync(join(folder, 'one'))).toEqual(readFileSync(join(folder, 'two')));
      expect(statSync(join(folder, 'one')).nlink).toBe(1); // the maximum of hard links depends on the disk
      expect(held()).toEqual(before);
    });

    test('is made accessible again if the stage removed its permissions', async () => {
      const { folder, lost } = await runScript(kind, 'echo kept > /out/file; chmod 000 /out');
      expect({ lost, kept: readFileSync(join(folder, 'file'), 'utf8') }).toEqual({
        lost: null,
        kept: 'kept\n',
      });
    });

    test('is mounted nowhere that outlives the stage', async () => {
      const mounts = () => readFileSync('/proc/self/mountinfo', 'latin1').split('\n').length;
      const before = mounts();
      await runScript(kind, 'echo > /out/file');
      expect(mounts()).toBe(before);
    });
  });
}

const describeBubblewrap = await describeWith('bubblewrap');
describeBubblewrap('the kernel as seen by a stage under bubblewrap', () => {
  const perl = (script: string) => runScript('bubblewrap', `perl -e '${script}'`).then(({ said }) => said);
  const make = (family: number) => `socket(my $s, ${family}, 5, 0) ? print "made" : print "$!"`;

  test('creates sockets of the machine and of the empty network, and no others', async () => {
    expect(await perl(make(1))).toBe('made');
    for (const family of [38, 40]) {
      expect(await perl(make(family))).toBe('Address family not supported by protocol');
    }
  });

  test('rejects calls outside the filter that the same user may make without it', async () => {
    const add_key = 'my @d = ("user", "haet", "x", 1, -1); print syscall(248, @d) < 0 ? "$!" : "added"';
    if (process.arch === 'x64') expect(await perl(add_key)).toBe('Operation not permitted');
    expect((await runScript('bubblewrap', 'unshare --user true 2>/dev/null || echo refused')).said).toBe(
      'refused',
    );
  });

  test('runs threads and children', async () => {
    const threads =
      'const { Worker } = require("node:worker_threads"); new Worker("console.log(1 + 1)", { eval: true })';
    const node = process.execPath;
    expect(execFileSync(node, ['-e', threads], { encoding: 'utf8' }).trim()).toBe('2');
    expect((await runScript('bubblewrap', `${node} -e '${threads}'`)).said).toBe('2');
  });
});

describe('the process sandbox', () => {
  test('leaves the output where it was written', async () => {
    const folder = await temporaryFolder();
    const sandbox = await createSandbox('process');
    const stage = await sandbox.start({
      argv: ['sh', '-c', `echo kept > ${folder}/file`],
      cwd: '/',
      environment: { PATH: '/usr/bin:/bin', HAET_RUN_ID: 'output-test' },
      progress: false,
      mounts: [],
      out: { host: folder, inside: folder },
      work: folder,
      limits,
    });
    stage.stdout.resume();
    stage.stderr.resume();
    await stage.exited;
    await stage.kill();
    expect(stage.output).toMatchObject({ path: folder, walled: false });
    expect(await stage.output.collect()).toBeNull();
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('kept\n');
  });
});
