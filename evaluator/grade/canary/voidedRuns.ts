import { type Attempts, attemptsOf } from '../attempts.ts';
import type { ShownCanary } from '../standing.ts';
import type { VoidReason } from '../voidReasons.ts';
import { type Judgement, voidedBy } from './canaryLog.ts';

/** What an attempt says of its entry or machine that a canary out of its band takes back. */
const doubtful: readonly (VoidReason | null)[] = [null, 'fault', 'disturbed'];

/** Returns attempts as they are judged by the canaries: those that follow or precede one out of its band are void. */
export function withoutVoided(attempts: Attempts, judgements: readonly Judgement[]): Attempts {
  if (judgements.every(({ found }) => found !== 'bad')) return attempts;
  const judged = attempts.all.map((attempt) => {
    const { canary, voidBecause } = attempt;
    const isVoid =
      canary !== undefined && voidedBy(canary, judgements) !== null && doubtful.includes(voidBecause);
    return isVoid ? { ...attempt, voidBecause: 'canary' as const } : attempt;
  });
  return attemptsOf(judged, attempts.doubts);
}

/**
 * Describes the canaries out of their band, each with the runs that it voids.
 * @param states attempts of each job, as they count; and whether the job has a result
 */
export function shownCanaries(
  judgements: readonly Judgement[],
  states: readonly { readonly attempts: Pick<Attempts, 'all' | 'counted'> }[],
): ShownCanary[] {
  const voided = states.flatMap(({ attempts: { all, counted } }) =>
    all.flatMap(({ voidBecause, canary }) =>
      voidBecause === 'canary' ? [{ by: voidedBy(canary!, judgements), isAgain: counted !== null }] : [],
    ),
  );
  return judgements.flatMap((judgement) => {
    const { node, at, found, because, done } = judgement;
    if (found !== 'bad') return [];
    const own = voided.filter(({ by }) => by === judgement);
    const again = own.filter(({ isAgain }) => isAgain).length;
    return [{ node, at, because: because!, done: done!, runs: own.length, again }];
  });
}
