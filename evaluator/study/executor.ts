import type { Executor } from '../grade/executor.ts';
import { runEntry } from '../run/runEntry.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** Creates an executor that makes one run after the other on this machine, each on the Track of its plan. */
export function createOneByOne(sandbox: Sandbox): Executor {
  return {
    ...{ sandbox, jobs: 1, takesUp: false },
    run: ({ plan: run }, abort) => runEntry(run, sandbox, { abort }),
  };
}
