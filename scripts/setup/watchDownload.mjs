import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createProgressBar, say } from './report.mjs';

const pollMilliseconds = 200;
const units = { kB: 1e3, MB: 1e6, GB: 1e9 };

/**
 * Shows how far another program's download is, by the size of the largest file in a folder. The program's output can
 * then be captured, which decides what went wrong; on a terminal its own bar would need the terminal.
 * @param {string} folder
 * @param {number | undefined} bytes  the size, if it is known
 */
export function watchDownload(folder, bytes) {
  let total = bytes;
  let bar = null;
  const look = () => {
    const size = largestFile(folder);
    if (total === undefined || size === 0) return;
    bar ??= createProgressBar(total);
    bar.update(size);
  };
  const timer = setInterval(look, pollMilliseconds);
  return {
    /** Takes a piece of pip's output: the size of the download, and attempts that failed. @param {string} text */
    read(text) {
      const size = /Downloading .*\((\d+(?:\.\d+)?) (kB|MB|GB)\)/.exec(text);
      if (size) total ??= Number(size[1]) * units[size[2]];
      for (const [, reason] of text.matchAll(/WARNING: Retrying .* after (.*)/g))
        say(`pip tries again after ${reason}`);
    },
    /** @param {boolean} complete  whether the download is complete */
    stop(complete) {
      clearInterval(timer);
      if (complete) look();
      if (bar !== null && complete) bar.update(total);
      bar?.stop();
    },
  };
}

/** Returns the size of the largest file below a folder; files may vanish meanwhile. */
function largestFile(folder) {
  let largest = 0;
  for (const name of namesIn(folder)) {
    const status = statSync(join(folder, name), { throwIfNoEntry: false });
    if (status?.isFile()) largest = Math.max(largest, status.size);
  }
  return largest;
}

function namesIn(folder) {
  try {
    return readdirSync(folder, { recursive: true });
  } catch {
    return [];
  }
}
