// Output of the set-up: plain lines on standard error, and a bar that redraws itself on a terminal.

/** @param {string} line */
export function say(line) {
  process.stderr.write(`haet set-up: ${line}\n`);
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
  const stream = process.stderr;
  const started = performance.now();
  let lastDrawn = 0;
  let lastTenth = 0;
  return {
    /** @param {number} bytes  downloaded so far */
    update(bytes) {
      const share = Math.min(1, bytes / totalBytes);
      if (!stream.isTTY) {
        const tenth = Math.floor(share * 10);
        if (tenth > lastTenth) say(`  ${tenth * 10} % of ${megabytes(totalBytes)}`);
        lastTenth = Math.max(lastTenth, tenth);
        return;
      }
      const now = performance.now();
      if (now - lastDrawn < 100 && share < 1) return;
      lastDrawn = now;
      const filled = Math.round(share * 30);
      const bar = '#'.repeat(filled) + '-'.repeat(30 - filled);
      const seconds = Math.round((now - started) / 1000);
      stream.write(`\r  [${bar}] ${megabytes(bytes)} of ${megabytes(totalBytes)}, ${seconds} s`);
    },
    stop() {
      if (stream.isTTY) stream.write('\n');
    },
  };
}
