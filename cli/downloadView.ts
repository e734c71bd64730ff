import cliProgress from 'cli-progress';

/**
 * Shows how far a download is: a bar on a terminal, else a line every tenth.
 *
 * @returns what to call with the bytes received and the bytes in all
 */
export function createDownloadView(
  what: string,
  stream: NodeJS.WriteStream,
): (received: number, total: number) => void {
  return stream.isTTY ? barOn(what, stream) : linesOn(what, stream);
}

function barOn(what: string, stream: NodeJS.WriteStream): (received: number, total: number) => void {
  const bar = new cliProgress.SingleBar({
    stream,
    format: `Downloading ${what} {bar} {percentage} % of {megabytes} MB, {eta_formatted} left`,
    hideCursor: true,
  });
  let started = false;
  return (received, total) => {
    if (!started) bar.start(total, received, { megabytes: Math.round(total / 1e6) });
    started = true;
    bar.update(received);
    if (received === total) bar.stop();
  };
}

function linesOn(what: string, stream: NodeJS.WritableStream): (received: number, total: number) => void {
  let told = -1;
  return (received, total) => {
    const tenth = Math.floor((10 * received) / total);
    if (tenth === told) return;
    told = tenth;
    stream.write(`Downloading ${what}: ${tenth * 10} % of ${Math.round(total / 1e6)} MB\n`);
  };
}
