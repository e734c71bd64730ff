// Output of the set-up: plain lines on standard error, and on a terminal a last line that redraws itself.

const stream = process.stderr;
const redrawMilliseconds = 1000;
const repeatMilliseconds = 10_000;

/**
 * What is being waited for: the last line, if it ends with " ...".
 * @type {{ line: string, startedAt: number, saidAt: number } | null}
 */
let waiting = null;
let lineIsOpen = false;

/**
 * Prints a line. One that ends with " ..." says what is being waited for until the next line: see watchWaiting.
 * @param {string} line
 */
export function say(line) {
  endLine();
  const now = performance.now();
  waiting = line.endsWith(' ...') ? { line, startedAt: now, saidAt: now } : null;
  lineIsOpen = waiting !== null && stream.isTTY === true;
  stream.write(`haet set-up: ${line}${lineIsOpen ? '' : '\n'}`);
}

/**
 * Keeps saying how long something is being waited for: on a terminal every second in the same line, elsewhere every ten
 * seconds in a new one. No step is therefore silent for long, whatever it runs.
 * @returns {() => void} stops it
 */
export function watchWaiting() {
  const timer = setInterval(sayHowLong, redrawMilliseconds).unref();
  return () => {
    clearInterval(timer);
    endLine();
    waiting = null;
  };
}

function sayHowLong() {
  if (waiting === null) return;
  const now = performance.now();
  const time = `${Math.round((now - waiting.startedAt) / 1000)} s`;
  if (stream.isTTY) {
    // A line that wraps could not be redrawn.
    const room = (stream.columns || 80) - time.length - 2;
    stream.write(`\r${`haet set-up: ${waiting.line}`.slice(0, room)} ${time}`);
    lineIsOpen = true;
  } else if (now - waiting.saidAt >= repeatMilliseconds) {
    waiting.saidAt = now;
    stream.write(`haet set-up: ${waiting.line.replace(/(: .*)? \.\.\.$/, '')}: ${time} so far\n`);
  }
}

function endLine() {
  if (lineIsOpen) stream.write('\n');
  lineIsOpen = false;
}

/** Formats bytes in powers of ten, like the sizes in package indexes. */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}

/**
 * Shows a progress bar on a terminal, or prints one line per tenth elsewhere.
 * @param {number} totalBytes
 */
export function createProgressBar(totalBytes) {
  const started = performance.now();
  let lastDrawn = 0;
  let lastTenth = 0;
  return {
    /** @param {number} bytes  downloaded so far */
    update(bytes) {
      const share = Math.min(1, bytes / totalBytes);
      const now = performance.now();
      if (!stream.isTTY) {
        const tenth = Math.floor(share * 10);
        if (tenth > lastTenth) {
          const before = waiting;
          say(`  ${tenth * 10} % of ${megabytes(totalBytes)}`);
          waiting = before && { ...before, saidAt: now };
        }
        lastTenth = Math.max(lastTenth, tenth);
        return;
      }
      if (now - lastDrawn < 100 && share < 1) return;
      lastDrawn = now;
      if (waiting !== null) endLine();
      waiting = null;
      const filled = Math.round(share * 30);
      const bar = '#'.repeat(filled) + '-'.repeat(30 - filled);
      const seconds = Math.round((now - started) / 1000);
      stream.write(`\r  [${bar}] ${megabytes(bytes)} of ${megabytes(totalBytes)}, ${seconds} s`);
      lineIsOpen = true;
    },
    stop() {
      endLine();
    },
  };
}
