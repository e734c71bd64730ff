import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { UserError } from '../../../datasets/userError.ts';
import { createSandbox, type SandboxKind, sandboxKinds } from '../../../evaluator/sandbox/createSandbox.ts';
import { type Attack, listAttacks, runsAlone, whyNotRun } from '../../../evaluator/selfTest/attack.ts';
import type { AttackResult } from '../../../evaluator/selfTest/trial.ts';
import { plainImage } from '../fixtures.ts';
import { openOwnNamespaces } from '../ownNamespaces.ts';

/** Attacks that run at once in a sandbox. They mostly wait, for processes to start and for deadlines. */
const jobs = 2;
const root = fileURLToPath(new URL('../../../', import.meta.url));

const attacks = await listAttacks();
const found = await Promise.all(
  sandboxKinds.map(async (kind) => {
    const sandbox = await createSandbox(kind, { image: plainImage }).catch((error) => {
      if (error instanceof UserError) return error.message;
      throw error;
    });
    return { kind, sandbox };
  }),
);
/** A refused archive never reaches a sandbox: in one of them is enough. */
const withArchives = found.find(({ sandbox }) => typeof sandbox !== 'string')?.kind;
const sandboxes = found.map(({ kind, sandbox }) => ({
  kind,
  sandbox,
  toRun:
    typeof sandbox === 'string'
      ? []
      : attacks.filter(
          (attack) =>
            whyNotRun(attack, sandbox) === null && (attack.archive === undefined || kind === withArchives),
        ),
}));

type Result = Promise<AttackResult>;
/** Starts attacks and returns their results by name. */
type Start = (attacks: readonly Attack[]) => Map<string, Result>;

const closers: (() => Promise<void>)[] = [];

/**
 * Runs attacks by `haet self-test`, a process per sandbox: all evaluators in this one would share a thread, and it starts
 * programs slowly because jest takes so much memory.
 * @param enter words before the command
 */
const startBy =
  (kind: SandboxKind, enter: readonly string[]): Start =>
  (chosen) => {
    const names = chosen.map(({ name }) => name);
    const options = ['--sandbox', kind, '--image', plainImage, '--jobs', String(jobs), '--json'];
    const selfTest = [process.execPath, 'cli/bin.mjs', 'self-test', ...options, '--only', ...names];
    const [program, ...words] = [...enter, ...selfTest];
    const all = execa(program!, words, { cwd: root, reject: false });
    const resultOf = async (name: string): Result => {
      const { stdout, stderr } = await all;
      const last = stdout.trim().split('\n').at(-1) ?? '';
      const results: AttackResult[] = last.startsWith('{') ? JSON.parse(last).sandboxes[0].attacks : [];
      const result = results.find(({ attack }) => attack === name);
      if (result === undefined) throw new Error(`haet self-test did not run ${name}: ${stderr.slice(-1000)}`);
      return result;
    };
    return new Map(names.map((name) => [name, resultOf(name)]));
  };

const results = new Map<SandboxKind, Map<string, Result>>();
const allResults = () => [...results.values()].flatMap((each) => [...each.values()]);

// All are started here; each test waits for its own. First, in all sandboxes at once, the attacks that may run side by
// side; then the others, one sandbox after the other.
beforeAll(async () => {
  const sideBySide: (() => Promise<unknown>)[] = [];
  const after: (() => Promise<unknown>)[] = [];
  let before: Promise<unknown> = Promise.resolve();
  for (const { kind, sandbox, toRun } of sandboxes) {
    if (typeof sandbox === 'string') continue;
    const own = new Map<string, Result>();
    results.set(kind, own);
    const apart = kind === 'user' ? openOwnNamespaces() : null;
    if (apart !== null) closers.push(apart.close);
    const start = startBy(kind, apart?.words ?? []);
    const startSome = (chosen: readonly Attack[]) => () => {
      if (chosen.length === 0) return before;
      const started = before.then(() => start(chosen));
      const mine = chosen.map(({ name }) => {
        const result = started.then((map) => map.get(name)!);
        own.set(name, result);
        return result;
      });
      return Promise.allSettled(mine); // failures are reported by their tests
    };
    // In the sandbox `user` without namespaces, every process of the user is the stage's: nothing may run beside it.
    const mayRunBeside = kind !== 'user' || apart !== null;
    (mayRunBeside ? sideBySide : after).push(startSome(toRun.filter((attack) => !runsAlone(attack))));
    after.push(startSome(toRun.filter(runsAlone)));
  }
  before = Promise.all(sideBySide.map((startThem) => startThem()));
  for (const startThem of after) before = startThem();
});
afterAll(async () => {
  await Promise.allSettled(allResults());
  for (const close of closers) await close();
}, 600_000);

describe.each(sandboxes)('in the sandbox $kind', ({ kind, sandbox, toRun }) => {
  if (typeof sandbox === 'string') {
    const required = process.env.HAET_EVERY_SANDBOX !== undefined;
    (required ? test : test.skip)(`no attack is run: ${sandbox}`, () => {
      throw new Error(sandbox);
    });
    return;
  }
  test.each(toRun)(
    '$name gets its verdict and leaves nothing: $attack',
    async ({ name }) => {
      expect((await results.get(kind)!.get(name)!).problems).toEqual([]);
    },
    // Some wait for all others.
    600_000,
  );
});
