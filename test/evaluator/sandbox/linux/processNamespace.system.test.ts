import { readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { holdProcessNamespace } from '../../../../evaluator/sandbox/linux/procfs.ts';
import { createNamespace, namespaceFlags } from '../../../../evaluator/sandbox/process/namespace.ts';
import { createProcessSandbox } from '../../../../evaluator/sandbox/process/process.ts';
import { temporaryFolder } from '../../fixtures.ts';

const flags = await namespaceFlags();

(flags === null ? test.skip : test)(
  'a namespace that is gone lists nobody, also while new ones start: its name is kept until it is released',
  async () => {
    const gone = [];
    for (let round = 0; round < 15; round++) {
      const old = await createNamespace(flags!);
      const held = holdProcessNamespace(old.init);
      const name = readlinkSync(`/proc/${old.init}/ns/pid`);
      await old.destroy();
      old.release();
      await sleep(30); // the kernel frees the name a moment later
      const next = await Promise.all([1, 2, 3].map(() => createNamespace(flags!)));
      const reused = next.some(({ init }) => readlinkSync(`/proc/${init}/ns/pid`) === name);
      gone.push({ reused, listed: held.list() });
      await Promise.all(next.map((each) => each.destroy()));
      for (const each of next) each.release();
      held.release();
      expect(() => held.list()).toThrow('was released');
    }
    expect(gone).toEqual(gone.map(() => ({ reused: false, listed: [] })));
  },
);

(flags === null || flags.mounts === null ? test.skip : test)(
  'the working folder of a stage is read-only; its output and scratch folder are not, even below it',
  async () => {
    const cwd = join(await temporaryFolder(), 'an entry, "named" $so');
    const [out, work] = [join(cwd, 'runs/out'), join(cwd, 'runs/work')];
    for (const folder of [out, work]) await mkdir(folder, { recursive: true });
    await writeFile(join(cwd, 'file'), 'before');
    const sandbox = await createProcessSandbox('namespace');
    expect(sandbox.contains).toContain("The entry's folder, the Track and the model are read-only.");
    const stage = await sandbox.start({
      argv: [
        'sh',
        '-c',
        'echo after > file; echo x > new; echo x > "$1/a"; echo x > "$2/b"',
        'sh',
        out,
        work,
      ],
      cwd,
      environment: { PATH: '/usr/bin:/bin', HAET_RUN_ID: 'read-only' },
      progress: false,
      mounts: [],
      out: { host: out, inside: out },
      work,
      limits: {
        cpus: 1,
        memoryBytes: 2 ** 28,
        processes: 100,
        workBytes: 2 ** 20,
        outBytes: 2 ** 20,
        outFiles: 9,
      },
    });
    stage.stdout.resume();
    stage.stderr.resume();
    await stage.exited;
    await stage.kill();
    const { stdout } = await execa('sh', ['-c', 'cat file; find . -type f | sort'], { cwd });
    expect(stdout).toBe('before./file\n./runs/out/a\n./runs/work/b');
  },
);
