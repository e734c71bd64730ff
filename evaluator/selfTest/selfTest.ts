// The self-test runs the hostile-entry corpus in a sandbox and checks after each attack: is its verdict the expected
// one; did it get through to anything that the sandbox claims to hold back; is the evaluator undisturbed; is no process
// left; was no file touched outside the run's folder; and does an honest entry, run next, get its score.
//
// An attack reports itself: what it got through to in a file `escaped` of its output folder, and what it tried in vain
// in `tried`. Every attack is bounded: it stops a little beyond what a sandbox has to hold back, so that a sandbox with
// a hole costs the machine nothing.
//
// Attacks may run side by side, each on a bench of its own, except those that use up what all runs share (runsAlone).
// These are not graded runs: nothing is signed, no lock of the machine is taken, and no verdict depends on the time that
// others take.
import { describeMachine } from '../machine/machine.ts';
import { sweepOwnFolders } from '../sandbox/ownNames.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Attack, corpusFolder, honestName, readAttack, runsAlone } from './attack.ts';
import { type Bench, openBench } from './bench.ts';
import { type AttackResult, tryOut } from './trial.ts';
import { createTurns } from './turns.ts';

export interface SelfTest {
  /** Runs an attack when its turn comes: turns are in the order of the calls, as many at once as there are jobs. */
  run(attack: Attack): Promise<AttackResult>;
  /** Removes everything that the self-test made. To be called when all runs have ended. */
  close(): Promise<void>;
}

/**
 * Prepares a sandbox for running attacks in it.
 * @param jobs how many attacks may run at once. In the `user` sandbox one: all processes of its user are the stage's
 */
export async function openSelfTest(sandbox: Sandbox, jobs = 1): Promise<SelfTest> {
  await sweepOwnFolders();
  const machine = await describeMachine();
  const honest = await readAttack(corpusFolder, honestName);
  const open = () => openBench(sandbox, machine);
  const places: [Place, ...Place[]] = [{ bench: await open() }];
  const close = async () => {
    const ended = await Promise.allSettled(places.map(({ bench }) => bench.close()));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  };
  const most = sandbox.kind === 'user' ? 1 : jobs;
  try {
    while (places.length < most) places.push({ bench: await open() });
  } catch (error) {
    // An open bench has servers that would keep this process alive.
    await close().catch(() => {});
    throw error;
  }
  const turns = createTurns(places);

  const runAt = async (place: Place, attack: Attack): Promise<AttackResult> => {
    const trial = await tryOut(place.bench, attack);
    // An archive that was refused started nothing.
    const isFollowed = attack.name !== honestName && (attack.archive === undefined || !trial.ok);
    const next = isFollowed ? (await tryOut(place.bench, honest, { predictOnce: true })).problems : [];
    const problems = [...trial.problems, ...next.map((each) => `the next entry, an honest one: ${each}`)];
    if (problems.length > 0) {
      // An attack that got through may have left traces; the next one needs a clean bench.
      await place.bench.close();
      place.bench = await open();
    }
    return { ...trial, ok: problems.length === 0, problems };
  };
  return {
    run: (attack) => {
      const work = (place: Place) => runAt(place, attack);
      return runsAlone(attack) ? turns.alone(work) : turns.inOne(work);
    },
    close,
  };
}

/** Holds the bench that is in use here. */
interface Place {
  bench: Bench;
}
