import cliProgress from 'cli-progress';
import { sayOn } from './terminal.ts';

type OnProgress = (received: number, total: number) => void;

/**
 * Shows the progress of a download on `stream` while `run` is running: a bar on a terminal, otherwise a line per
 * tenth. Shows nothing before the first byte, because there may be nothing to download.
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
    // A running bar would keep the process alive.
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
