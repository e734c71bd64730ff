import cliProgress from 'cli-progress';
import { plainText } from '../datasets/plainText.ts';
import type { ProgressLine } from '../evaluator/contract.ts';
import { sayOn } from './terminal.ts';

export interface ProgressView {
  /** Starts a stage; its clock starts at 0. */
  stage(name: string): void;
  /** Updates the view with a progress line of the entry. */
  update(line: ProgressLine, atSeconds: number): void;
  /** Advances the clock between progress lines. */
  tick(atSeconds: number): void;
  /** Ends the view and leaves the cursor below it. Later calls are ignored. */
  stop(): void;
}

/** Seconds between two lines if the output is not a terminal. */
const plainInterval = 15;
const barWidth = 20;

/**
 * Shows the progress of a run: a bar on a terminal, otherwise a line about every 15 s. All times are seconds of the
 * stage's clock.
 * @param options.budgetSeconds limit of the train stage; the bar is full when it is reached
 * @param options.trainSize images of one epoch; gives images/s if the entry does not report them
 */
export function createProgressView(options: {
  stream: NodeJS.WriteStream;
  budgetSeconds: number;
  trainSize: number;
}): ProgressView {
  const { stream, budgetSeconds, trainSize } = options;
  const draw = stream.isTTY ? redrawn(stream, budgetSeconds) : printed(stream);
  let state: State = { stage: 'train', atSeconds: 0, facts: [] };
  let stopped = false;
  const show = (change: Partial<State>) => {
    if (stopped) return;
    state = { ...state, ...change };
    draw.show(state, clockText(state, budgetSeconds));
  };
  return {
    stage(name) {
      if (stopped) return;
      draw.end();
      show({ stage: name, atSeconds: 0, facts: [] });
    },
    update: (line, atSeconds) => show({ atSeconds, facts: factsOf(line, atSeconds, trainSize) }),
    tick: (atSeconds) => show({ atSeconds }),
    stop() {
      if (stopped) return;
      draw.end();
      stopped = true;
    },
  };
}

interface State {
  readonly stage: string;
  readonly atSeconds: number;
  /** Facts of the last progress line, formatted. */
  readonly facts: string[];
}

interface Drawing {
  show(state: State, clock: string): void;
  /** Ends the stage and leaves its last state on the screen. */
  end(): void;
}

function redrawn(stream: NodeJS.WriteStream, budgetSeconds: number): Drawing {
  let bar: cliProgress.SingleBar | null = null;
  return {
    show({ stage, atSeconds, facts }, clock) {
      if (bar === null) {
        bar = new cliProgress.SingleBar({
          stream,
          fps: 5,
          barsize: barWidth,
          barCompleteChar: '█',
          barIncompleteChar: '░',
          format: (settings, { progress }, payload) => {
            const drawn =
              payload.stage === 'train' ? ` ${cliProgress.Format.BarFormat(progress, settings)}` : '';
            return clip(plainText(`${payload.stage}${drawn} ${payload.text}`), stream.columns);
          },
        });
        bar.start(budgetSeconds, 0, { stage, text: clock });
      }
      const value = Math.min(budgetSeconds, Math.max(0, finite(atSeconds) ?? 0));
      bar.update(value, { stage, text: [clock, ...facts].join('  ') });
    },
    end() {
      bar?.stop();
      bar = null;
    },
  };
}

function printed(stream: NodeJS.WriteStream): Drawing {
  let printedAt = Number.NEGATIVE_INFINITY;
  let unprinted: string | null = null;
  const print = (line: string, at: number) => {
    sayOn(stream, line);
    printedAt = at;
    unprinted = null;
  };
  return {
    show({ stage, atSeconds, facts }, clock) {
      const line = [`${stage} ${clock}`, ...facts].join(', ');
      if (atSeconds - printedAt >= plainInterval) print(line, atSeconds);
      else unprinted = line;
    },
    end() {
      if (unprinted !== null) print(unprinted, 0);
      printedAt = Number.NEGATIVE_INFINITY;
    },
  };
}

function clockText({ stage, atSeconds }: State, budgetSeconds: number): string {
  const seconds = Math.round(finite(atSeconds) ?? 0);
  return stage === 'train' ? `${seconds}/${Math.round(budgetSeconds)} s` : `${seconds} s`;
}

/** Formats a progress line; missing and non-finite values are omitted. */
function factsOf(line: ProgressLine, atSeconds: number, trainSize: number): string[] {
  const epoch = finite(line.epoch);
  const derived = epoch === null ? null : finite((epoch * trainSize) / atSeconds);
  const speed = finite(line.imagesPerSecond) ?? derived;
  const loss = finite(line.loss);
  const percent = finite(100 * (line.accuracy ?? Number.NaN));
  return [
    epoch === null ? '' : `epoch ${short(epoch, 1)}`,
    speed === null ? '' : `${short(speed, 0)} images/s`,
    loss === null ? '' : `loss ${short(loss, 3)}`,
    percent === null ? '' : `acc ${short(percent, 1)} %`,
  ].filter((fact) => fact !== '');
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Formats a number in a few characters, whatever its size. */
function short(value: number, digits: number): string {
  return Math.abs(value) < 1e6 ? value.toFixed(digits) : value.toExponential(1);
}

function clip(text: string, columns: number | undefined): string {
  return text.slice(0, Math.max(20, (columns ?? 80) - 1));
}
