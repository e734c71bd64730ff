import { createClock } from '../../../submission/clock.ts';
import type { Path } from '../../../submission/engine/engine.ts';
import { createForecast, type Outcome } from '../../../submission/plan/forecast.ts';
import { type Measurement, type Plan, planRun, WIDTHS } from '../../../submission/plan/planRun.ts';
import { defaultSettings, type Settings } from '../../../submission/settings.ts';

/** A machine with a clock that only its own steps move. */
export interface MadeUpMachine {
  /** Seconds of a step of a width without other programs. */
  readonly secondsOf: (width: number, engine: Engine) => number;
  /** Share of the CPUs' time that other programs leave to the run, by the time. */
  readonly granted?: (at: number) => number;
  /** Speed of the CPUs, by the time; 1 by default. */
  readonly speed?: (at: number) => number;
  /** Seconds that it takes to read CPU times; 0 by default. */
  readonly reading?: number;
}

export interface Engine {
  readonly path: Path;
}

export const native: Engine = { path: { engine: 'native-avx512', bfloat16: false } };
export const trainingImages = 5000;
const START_UP = 1.5;
const CPUS = 2;

/** Multiply-adds per image, in proportion. */
export const work = (width: number): number => width ** 2;

/**
 * Returns the seconds of a step by those of 64 images at width 1. A twentieth of these does not grow with the width.
 */
export const steps =
  (secondsAtWidth1: number) =>
  (width: number): number =>
    (defaultSettings.batchSize / 64) * secondsAtWidth1 * (0.05 + 0.95 * width ** 1.9);

/** Starts the clock of a run, just before its plan. */
export function startMachine(
  { secondsOf, granted = () => 1, speed = () => 1, reading = 0 }: MadeUpMachine,
  budget: number,
) {
  let now = START_UP;
  let cpu = { ran: 1, waited: 0, busy: 50, stolen: 0 };
  const clock = createClock(budget, () => now);
  const compute = (seconds: number) => {
    for (let left = seconds; left > 1e-9; ) {
      const rate = granted(now) * speed(now);
      const passed = Math.min(0.01, left / rate);
      cpu = {
        ran: cpu.ran + CPUS * passed * granted(now),
        waited: cpu.waited + CPUS * passed * (1 - granted(now)),
        busy: cpu.busy + CPUS * passed,
        stolen: 0,
      };
      now += passed;
      left -= passed * rate;
    }
  };
  const measured: [Path, number][] = [];
  const measurement: Measurement<Engine> = {
    clock,
    cpuSeconds() {
      const before = cpu;
      compute(reading);
      return before;
    },
    startSteps: (engine, width) => {
      measured.push([engine.path, width]);
      let warmUp = 1; // the first step takes twice as long
      return {
        step() {
          compute(secondsOf(width, engine) * (1 + warmUp));
          warmUp = 0;
        },
        close() {},
      };
    },
  };
  return { clock, compute, measurement, measured };
}

interface Options {
  readonly settings?: Settings;
  readonly engines?: readonly Engine[];
  readonly widths?: readonly number[];
  readonly say?: (line: string) => void;
}

const taskOf = (budgetSeconds: number, { settings, engines, widths }: Options) => ({
  engines: engines ?? [native],
  widths: widths ?? WIDTHS,
  work,
  settings: settings ?? defaultSettings,
  trainingImages,
  budgetSeconds,
});

/** Plans a run. Returns the plan, the widths measured, and the seconds that it took. */
export function planOn(machine: MadeUpMachine, budgetSeconds: number, options: Options = {}) {
  const { clock, measurement, measured } = startMachine(machine, budgetSeconds);
  const plan = planRun(taskOf(budgetSeconds, options), measurement, options.say ?? (() => {}));
  return { plan, measured, seconds: clock.elapsed() - START_UP };
}

/** Plans and trains as train.ts does. */
export function runOn(
  machine: MadeUpMachine,
  budgetSeconds: number,
  options: Options = {},
): {
  plan: Plan<Engine>;
  outcome: Outcome;
  /** Returns the epochs that were expected when a share of the budget had passed. */
  expectedAt: (fraction: number) => number;
} {
  const { clock, compute, measurement } = startMachine(machine, budgetSeconds);
  const task = taskOf(budgetSeconds, options);
  const plan = planRun(task, measurement, options.say ?? (() => {}));
  const { batchSize, samEvery, samFrom } = task.settings;
  const forecast = createForecast(plan.epochs, clock.fraction(), task.settings);
  const history: { fraction: number; epochs: number }[] = [{ fraction: 0, epochs: plan.epochs }];
  let step = 0;
  let savedAt = 0;
  const epochs = () => (step * batchSize) / trainingImages;
  while (clock.allowsStep()) {
    const started = clock.elapsed();
    const usesSam = samEvery > 0 && clock.fraction() >= samFrom && step % samEvery === 0;
    compute(machine.secondsOf(plan.width, plan.engine) * (usesSam ? 2 : 1));
    step += 1;
    clock.tookStep(clock.elapsed() - started);
    forecast.observe(clock.fraction(), epochs());
    history.push({ fraction: clock.fraction(), epochs: forecast.epochs() });
    if (clock.elapsed() - savedAt >= task.settings.saveEverySeconds) {
      compute(0.1);
      clock.tookSave(0.1);
      savedAt = clock.elapsed();
    }
  }
  const expectedAt = (fraction: number) => history.findLast((each) => each.fraction <= fraction)!.epochs;
  return { plan, outcome: forecast.outcome(epochs()), expectedAt };
}
