import { readlinkSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { holdProcessNamespace } from '../../../../evaluator/sandbox/linux/procfs.ts';
import { createNamespace, namespaceFlags } from '../../../../evaluator/sandbox/process/namespace.ts';

const flags = await namespaceFlags();

(flags === null ? test.skip : test)(
  'a namespace that is gone lists nobody, also while new ones start: its name is kept until it is released',
  async () => {
    const gone = [];
    for (let round = 0; round < 10; round++) {
      const old = await createNamespace(flags!);
      const held = holdProcessNamespace(old.init);
      const oldName = readlinkSync(`/proc/${old.init}/ns/pid`);
      await old.destroy();
      old.release();
      const next = await createNamespace(flags!);
      gone.push({ reused: readlinkSync(`/proc/${next.init}/ns/pid`) === oldName, listed: held.list() });
      await next.destroy();
      next.release();
      held.release();
      expect(() => held.list()).toThrow('was released');
    }
    expect(gone).toEqual(gone.map(() => ({ reused: false, listed: [] })));
  },
);
