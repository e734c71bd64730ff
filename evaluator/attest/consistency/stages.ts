import { type RunRecord, runStages, type StageRecord } from '../../run/record.ts';
import { verdicts } from '../../run/verdict.ts';
import { unheld } from '../../sandbox/holds.ts';
import { tolerableLatenessSeconds } from '../../stage/tolerableLateness.ts';

/** Tolerance for the rounding of sums of times. */
const roundingSeconds = 1e-6;
/** A sample may be taken up to one interval after a stage's end. */
const sampleSlackSeconds = 1;
const mebibyte = 2 ** 20;
/** The kernel can exceed a limit for its own needs, for example during an out-of-memory kill. */
const countedSlack = { share: 0.02, bytes: 16 * mebibyte };
/** Resident pages charged to another control group, such as libraries that were read before. */
const residentSlackBytes = 512 * mebibyte;
/** CPU quota is granted in slices and CPU time is counted in ticks of 10 ms. */
const cpuSlack = { share: 0.05, secondsPerCpu: 1 };

/** Returns the first contradiction of the verdict, as a sentence; null if there is none. */
export function verdictFault({ verdict, owner, score, stages }: RunRecord): string | null {
  const expected = verdicts[verdict].owner;
  if (owner !== expected) {
    return `${verdict} belongs to the ${expected}, but the record says the ${owner}`;
  }
  const scored = verdict === 'SCORED' || verdict === 'SCORED_SALVAGED';
  if (!scored) return score === null ? null : `the verdict is ${verdict}, but there is a score`;
  if (score === null) return `the verdict is ${verdict}, but there is no score`;

  const [train, predict, again] = stages;
  if (train === undefined || predict === undefined || again === undefined) {
    return `the verdict is ${verdict} without three stages`;
  }
  if (!succeeded(predict)) return `the verdict is ${verdict}, but prediction did not end with status 0`;
  if (!succeeded(again))
    return `the verdict is ${verdict}, but its second prediction did not end with status 0`;
  if (verdict === 'SCORED' && !succeeded(train)) {
    return 'the verdict is SCORED, but training did not end with status 0: that would be SCORED_SALVAGED';
  }
  if (verdict === 'SCORED_SALVAGED' && succeeded(train)) {
    return 'the verdict is SCORED_SALVAGED, but training ended with status 0: that would be SCORED';
  }
  return null;
}

const succeeded = (stage: StageRecord) => stage.ended === 'exited' && stage.exitCode === 0;

/** Returns the first stage or limit that violates the rules, as a sentence; null if there is none. */
export function limitFault({ stages, limits }: RunRecord): string | null {
  const order = stages.map((stage) => stage.stage).join(', ');
  if (order !== runStages.slice(0, stages.length).join(', ')) {
    return `the stages were ${order}; expected ${runStages.join(', then ')}`;
  }
  for (const { stage, limitSeconds } of stages) {
    const limit = stage === 'train' ? limits.trainSeconds : limits.predictSeconds;
    if (limitSeconds !== limit) return `${stage} ran under ${limitSeconds} s, but the limit is ${limit} s`;
  }
  return null;
}

/** Returns the first impossible time of a stage, as a sentence; null if there is none. */
export function timeFault({ stages, score }: RunRecord): string | null {
  for (const stage of stages) {
    const fault = endFault(stage) ?? killFault(stage);
    if (fault !== null) return `${stage.stage} ${fault}`;
    // A stage that ran too long is a fault of the machine and is never scored.
    const late = (stage.kill?.stoppedAtSeconds ?? 0) - stage.limitSeconds;
    if (score !== null && late > tolerableLatenessSeconds) {
      return `${stage.stage} was stopped ${late.toFixed(1)} s after its deadline, but the run was scored`;
    }
  }
  return null;
}

function endFault({ ended, seconds, limitSeconds, kill }: StageRecord): string | null {
  if (ended === 'deadline' || ended === 'interrupted') {
    return kill === null ? `ended by ${ended} but was not killed` : null;
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
    return `lasted ${seconds} s, but was stopped at ${stoppedAtSeconds} s`;
  }
  if (ended === 'deadline' && signalledAtSeconds < limitSeconds - roundingSeconds) {
    return `was killed at ${signalledAtSeconds} s, before its deadline of ${limitSeconds} s`;
  }
  const overshoot = ended === 'deadline' ? (stoppedAtSeconds - limitSeconds) * 1000 : 0;
  if (Math.abs(overshootMs - overshoot) <= roundingSeconds * 1000) return null;
  return `has an overshoot of ${overshootMs} ms, but its times give ${overshoot} ms`;
}

/** Returns the first sample of resources with an impossible time, as a sentence; null if there is none. */
export function usageFault({ stages }: RunRecord): string | null {
  for (const { stage, usage, seconds } of stages) {
    let before = 0;
    for (const { atSeconds } of usage) {
      if (atSeconds < before) {
        return `${stage} has a sample of its resources at ${atSeconds} s after one at ${before} s`;
      }
      if (atSeconds > seconds + sampleSlackSeconds) {
        return `${stage} has a sample of its resources at ${atSeconds} s, but lasted ${seconds} s`;
      }
      before = atSeconds;
    }
  }
  return null;
}

/**
 * Returns the first limit that was not enforced or is exceeded by the recorded use, as a sentence; null if there is
 * none.
 */
export function heldFault({ sandbox, limits, machine, stages }: RunRecord): string | null {
  const missing = unheld(sandbox.holds);
  if (missing.length > 0) return `the ${sandbox.kind} sandbox did not enforce ${missing.join(', ')}`;
  // In the image, evaluator and entry share the container's limit, which the kernel enforces.
  const memoryBytes = sandbox.kind === 'user' ? machine.memoryBytes : limits.memoryBytes;
  for (const stage of stages) {
    const fault =
      memoryFault(stage, memoryBytes) ??
      processesFault(stage, limits.processes) ??
      cpuFault(stage, limits.cpus);
    if (fault !== null) return `${stage.stage} ${fault}`;
  }
  return null;
}

/**
 * Compares the peak counted by the control group, if there is one. A sum of resident memory counts shared pages once
 * per process and proves less: at least one process has the mean, so the stage used at least that.
 */
function memoryFault({ limitHits, usage }: StageRecord, limitBytes: number): string | null {
  const counted = limitHits?.peakMemoryBytes ?? null;
  if (counted !== null) {
    const most = limitBytes * (1 + countedSlack.share) + countedSlack.bytes;
    return counted > most ? `used ${counted} bytes of memory, but the limit is ${limitBytes} bytes` : null;
  }
  for (const { memoryBytes, processes, atSeconds } of usage) {
    const mean = memoryBytes / Math.max(1, processes);
    if (mean > limitBytes + residentSlackBytes) {
      return `had ${Math.round(mean)} bytes of memory per process at ${atSeconds} s, but the limit is ${limitBytes} bytes`;
    }
  }
  return null;
}

function processesFault({ usage }: StageRecord, limit: number): string | null {
  const beyond = usage.find(({ processes }) => processes > limit);
  return beyond === undefined ? null : `had ${beyond.processes} processes, but the limit is ${limit}`;
}

function cpuFault({ cpuSeconds, seconds }: StageRecord, cpus: number): string | null {
  const most = cpus * (seconds * (1 + cpuSlack.share) + cpuSlack.secondsPerCpu);
  if (cpuSeconds <= most) return null;
  return `used ${cpuSeconds} s of CPU time in ${seconds} s, more than ${cpus} CPUs give`;
}
