import cliProgress from 'cli-progress';
import { sayOn } from './terminal.ts';

type OnProgress = (received: number, total: number) => void;

/**
 * Shows on `stream` how far a download is while `run` goes on: a bar on a terminal, else a line every tenth.
 * Nothing is shown until the first byte, since there may be nothing to download.
 */
export async function withDownloadView<T>(
  what: string,
  stream: NodeJS.WriteStream,
  run: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  if (!stream.isTTY) return run(linesOn(what, stream));
  const bar = new cliProgress.SingleBar({
    stream,
    format: `Downloading ${what} {bar} {percentage} % of {megabytes} MB, {eta_formatted} left`,
  });
  try {
    return await run((received, total) => {
      if (!bar.isActive) bar.start(total, received, { megabytes: Math.round(total / 1e6) });
      bar.update(received);
    });
  } finally {
    // A bar that is left running keeps the process alive.
    if (bar.isActive) bar.stop();
  }
}

function linesOn(what: string, stream: NodeJS.WritableStream): OnProgress {
  let told = -1;
  return (received, total) => {
    const tenth = Math.floor((10 * received) / total);
    if (tenth === told) return;
    told = tenth;
    sayOn(stream, `Downloading ${what}: ${tenth * 10} % of ${Math.round(total / 1e6)} MB`);
  };
}
