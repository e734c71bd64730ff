import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { holdProcessNamespace } from '../../../../evaluator/sandbox/linux/procfs.ts';
import { createNamespace, namespaceFlags } from '../../../../evaluator/sandbox/process/namespace.ts';

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
