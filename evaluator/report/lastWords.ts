import type { RunRecord, RunStage } from '../run/record.ts';
import { readEnd } from './readEnd.ts';

/** Bytes read from the end of a log. */
const readBytes = 64 * 1024;
/** Longer lines are cut, so that searching them takes no time that an entry can choose. */
const longestLine = 1000;
/** Verdicts whose cause the entry's own output may tell. Of the others the evidence says all. */
const toldByOutput: readonly RunRecord['verdict'][] = [
  'CRASHED',
  'NO_OUTPUT',
  'SCORED_SALVAGED',
  'PREDICT_TIMEOUT',
  'OUT_OF_MEMORY',
  'TOO_MANY_PROCESSES',
  'DISK_FULL',
];

/**
 * Returns the line of an entry's output that tells best what went wrong: of the first stage that went wrong, an error
 * message, otherwise its last line. Null if there is none. The line is untrusted.
 */
export async function lastWords(record: RunRecord): Promise<{ stage: RunStage; line: string } | null> {
  const stage = firstWrongStage(record);
  if (stage === null || !toldByOutput.includes(record.verdict)) return null;
  const [stderr = '', stdout = ''] = await Promise.all(
    ['stderr', 'stdout'].map(async (stream) => {
      const end = await readEnd(record.folder, `${stage}.${stream}.log`, readBytes).catch(() => null);
      return end?.tail ?? '';
    }),
  );
  const line = errorLine(stderr) ?? errorLine(stdout) ?? lastLine(stderr) ?? lastLine(stdout);
  return line === null ? null : { stage, line };
}

/** Returns the first stage that failed, or left nothing; null if none ran. */
function firstWrongStage({ stages, modelSha256 }: RunRecord): RunStage | null {
  const wrong = stages.find(
    ({ stage, ended, exitCode }) =>
      ended !== 'exited' || exitCode !== 0 || (stage === 'train' && modelSha256 === null),
  );
  return (wrong ?? stages.at(-1))?.stage ?? null;
}

/** Messages of an uncaught error by language, most telling first. Each has the message in its first group. */
const messages: readonly RegExp[] = [
  // Python: after the frames, which are indented. Notes and further lines of the message may follow.
  /^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*([A-Za-z_][\w.]*(?::.*)?)$/gm,
  // Python, for code that cannot be compiled.
  /^((?:Syntax|Indentation|Tab)Error: .*)$/gm,
  // Node, Java, Ruby and others: a line that names an error, with frames below.
  /^(?:Uncaught |Exception in thread ".*" )?((?:[\w$.]+[.:])?\w*(?:Error|Exception)(?: \[\w+\])?(?:: .*)?)\n(?:\s+at |[\s\S]{0,200}\n\s+at )/gm,
  // C++, Go and Rust.
  /^\s*what\(\):\s+(.*)$/gm,
  /^(panic: .*)$/gm,
  /^thread '.*' (?:\(\d+\) )?panicked at .*:\n(.*)$/gm,
];
/** A line that names an error, anywhere. */
const namesError = /^(?:.*[\s:])?(?:\w*Error|\w*Exception|error|fatal|FATAL|ERROR)(?:\[.*\])?:\s.*\S/;

function errorLine(log: string): string | null {
  const text = withoutRedrawn(log);
  let [found, at]: [string | null, number] = [null, -1];
  for (const message of messages) {
    for (const match of text.matchAll(message)) {
      if (match.index > at) [found, at] = [match[1]!.trim(), match.index];
    }
    if (found !== null) return found;
  }
  return linesOf(text).findLast((line) => namesError.test(line)) ?? null;
}

/** Lines that runtimes print after the cause. */
const noise = [
  /^Node\.js v\d/,
  /^note: run with `RUST_BACKTRACE/,
  /^(?:goroutine \d+ \[|exit status \d+$)/,
  /^[\s{}[\]()^~-]*$/,
  /^\s+at /,
];

function lastLine(log: string): string | null {
  return linesOf(withoutRedrawn(log)).findLast((line) => !noise.some((each) => each.test(line))) ?? null;
}

/** Keeps of a line that was redrawn, as progress bars do, what was last complete on it. */
function withoutRedrawn(log: string): string {
  return log
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.split('\r').findLast((part) => part.trim() !== '') ?? '')
    .map((line) => line.slice(0, longestLine))
    .join('\n');
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '');
}
