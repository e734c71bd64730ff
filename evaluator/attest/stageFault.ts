import { type RunRecord, runStages, type StageRecord } from '../run/record.ts';
import { tolerableLatenessSeconds } from '../stage/tolerableLateness.ts';

/** Room for the rounding of sums of times. */
const roundingSeconds = 1e-6;
/** A sample may be taken while the end of a stage is being noticed: no later than one interval of the sampler. */
const sampleSlackSeconds = 1;

/** The first stage or limit that is not as the rules have it, as a sentence; null when all are. */
export function limitFault({ stages, limits }: RunRecord): string | null {
  const order = stages.map((stage) => stage.stage).join(', ');
  if (order !== runStages.slice(0, stages.length).join(', ')) {
    return `the stages were ${order}; expected ${runStages.join(', then ')}`;
  }
  for (const { stage, limitSeconds } of stages) {
    const limit = stage === 'train' ? limits.trainSeconds : limits.predictSeconds;
    if (limitSeconds !== limit) return `${stage} ran under ${limitSeconds} s, and the limit is ${limit} s`;
  }
  return null;
}

/** The first time of a stage that cannot be, as a sentence; null when all can. */
export function timeFault({ stages, score }: RunRecord): string | null {
  for (const stage of stages) {
    const fault = endFault(stage) ?? killFault(stage);
    if (fault !== null) return `${stage.stage} ${fault}`;
    // A stage that was let run on is a fault of the machine, and never scored.
    const late = (stage.kill?.stoppedAtSeconds ?? 0) - stage.limitSeconds;
    if (score !== null && late > tolerableLatenessSeconds) {
      return `${stage.stage} was stopped ${late.toFixed(1)} s after its deadline, and yet the run was scored`;
    }
  }
  return null;
}

function endFault({ ended, seconds, limitSeconds, kill }: StageRecord): string | null {
  if (ended === 'deadline' || ended === 'interrupted') {
    return kill === null ? `ended by ${ended} and was not killed` : null;
  }
  if (kill !== null || seconds <= limitSeconds + roundingSeconds) return null;
  return `ended by itself after ${seconds} s, beyond its limit of ${limitSeconds} s`;
}

function killFault({ ended, seconds, limitSeconds, kill }: StageRecord): string | null {
  if (kill === null) return null;
  const { signalledAtSeconds, stoppedAtSeconds, goneAtSeconds, overshootMs } = kill;
  if (stoppedAtSeconds < signalledAtSeconds) return 'was stopped before it was killed';
  if (goneAtSeconds < stoppedAtSeconds) return 'was gone before it was stopped';
  if (Math.abs(stoppedAtSeconds - seconds) > roundingSeconds) {
    return `lasted ${seconds} s, and was stopped at ${stoppedAtSeconds} s`;
  }
  if (ended === 'deadline' && signalledAtSeconds < limitSeconds - roundingSeconds) {
    return `was killed at ${signalledAtSeconds} s, before its deadline of ${limitSeconds} s`;
  }
  const overshoot = ended === 'deadline' ? (stoppedAtSeconds - limitSeconds) * 1000 : 0;
  if (Math.abs(overshootMs - overshoot) <= roundingSeconds * 1000) return null;
  return `says it was stopped ${overshootMs} ms after its deadline; its times give ${overshoot} ms`;
}

/** The first sample of resources out of its place in time, as a sentence; null when all are in theirs. */
export function usageFault({ stages }: RunRecord): string | null {
  for (const { stage, usage, seconds } of stages) {
    let before = 0;
    for (const { atSeconds } of usage) {
      if (atSeconds < before) {
        return `${stage} has a sample of its resources at ${atSeconds} s after one at ${before} s`;
      }
      if (atSeconds > seconds + sampleSlackSeconds) {
        return `${stage} has a sample of its resources at ${atSeconds} s, and lasted ${seconds} s`;
      }
      before = atSeconds;
    }
  }
  return null;
}
