import type { RunRecord } from '../evaluator/run/record.ts';
import { type RunPlan, runEntry } from '../evaluator/run/runEntry.ts';
import type { Sandbox } from '../evaluator/sandbox/sandbox.ts';
import { createProgressView } from './progressView.ts';
import type { StopSignals } from './stopSignals.ts';

/** Runs the entry and shows its progress. */
export async function runInView(plan: RunPlan, sandbox: Sandbox, stops: StopSignals): Promise<RunRecord> {
  const view = createProgressView({
    stream: process.stderr,
    budgetSeconds: plan.limits!.trainSeconds!,
    trainSize: plan.track.info.trainSize,
  });
  let stageStart = performance.now();
  const ticking = setInterval(() => view.tick((performance.now() - stageStart) / 1000), 1000);
  try {
    return await runEntry(plan, sandbox, {
      interrupt: stops.interrupt,
      abort: stops.abort,
      onStage: (stage) => {
        stageStart = performance.now();
        stops.training = stage === 'train';
        view.stage(stage);
      },
      onProgress: (line, atSeconds) => view.update(line, atSeconds),
    });
  } finally {
    clearInterval(ticking);
    stops.training = false;
    view.stop();
  }
}
