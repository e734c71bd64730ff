import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { download, explainDownload } from './download.mjs';
import { explainNoPip, explainPip } from './explainPip.mjs';
import { quoteLine, SetupFailure, tellingLine } from './failure.mjs';
import { pipEnvironment } from './pipSettings.mjs';
import { explainPython, isolated } from './python.mjs';
import { megabytes, say } from './report.mjs';
import { run } from './run.mjs';
import { explainSystemError } from './systemError.mjs';
import { watchDownload } from './watchDownload.mjs';

const pipFacts = fileURLToPath(new URL('pipFacts.py', import.meta.url));

/**
 * Puts a pinned wheel into a folder and returns its path. Sources, in this order: the folder itself (an earlier run, or
 * a file that a person put there), pip (it knows the user's mirrors), a direct download.
 * @param {import('./pins.mjs').Wheel} wheel
 * @param {string} folder
 * @param {{ env?: NodeJS.ProcessEnv, locks?: number[] }} options
 */
export async function fetchWheel(wheel, folder, { env = process.env, locks = [] } = {}) {
  mkdirSync(folder, { recursive: true });
  const target = join(folder, wheel.file);
  if (existsSync(target)) {
    if ((await sha256(target)) === wheel.sha256) return target;
    say(`${target} has the wrong checksum; fetching it again`);
    rmSync(target);
  }
  const size = wheel.bytes ? ` ${megabytes(wheel.bytes)}` : '';
  say(`${wheel.name} ${wheel.version}: downloading${size} ...`);
  const failures = [];
  for (const way of [viaPip, directly]) {
    const failure = await way(wheel, folder, target, { env, locks });
    if (failure === null) return target;
    failures.push(failure);
  }
  const reasons = failures.map(({ reason }) => reason).join('; ');
  const remedies = new Set(failures.map(({ remedy }) => remedy).filter((remedy) => remedy !== null));
  throw new SetupFailure(
    `${wheel.file} could not be fetched (${reasons}): ${[...remedies, `put the file into ${folder} yourself`].join(', or ')}, and run the command again.`,
  );
}

/**
 * @typedef {{ reason: string, remedy: string | null }} Failure  a way to fetch the file that did not work
 */

/** @returns {Promise<Failure | null>} */
async function viaPip(wheel, folder, target, { env, locks }) {
  const scratch = join(folder, 'pip');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  try {
    // pip first unpacks its download in TMPDIR, and /tmp is often a small file system in memory.
    const here = { ...env, TMPDIR: scratch };
    const asked = await run('python3', [...isolated, pipFacts], { env: here, locks });
    if (asked.status !== 0)
      throw new SetupFailure(explainPython(asked, folder) ?? explain(asked.output, folder));
    const pip = JSON.parse(asked.output.split('\n').findLast((line) => line.startsWith('{')));
    if (pip.problem !== null) return explainNoPip(pip);

    const pipEnv = pipEnvironment(here, pip.settings);
    const progress = watchDownload(scratch, wheel.bytes);
    const done = await run('python3', [...pip.flags, ...pipWords(wheel, scratch)], {
      env: pipEnv,
      locks,
      onOutput: progress.read,
    });
    progress.stop(done.status === 0);
    if (done.status !== 0) {
      // Warnings come before other attempts, which have their own errors.
      const errors = done.output
        .split('\n')
        .filter((line) => /^\s*(?:ERROR|\w*(?:Error|Exception)): /.test(line));
      const explained = explainSystemError(errors.join('\n'), folder);
      if (explained) throw new SetupFailure(explained);
      return explainPip(done, { version: pip.version, noIndex: isOn(pipEnv.PIP_NO_INDEX) });
    }
    const file = join(scratch, wheel.file);
    if (!existsSync(file)) return { reason: `pip did not download ${wheel.file}`, remedy: null };
    if ((await sha256(file)) !== wheel.sha256) {
      return { reason: 'the file from pip has the wrong checksum', remedy: 'use another mirror' };
    }
    renameSync(file, target);
    return null;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns the arguments of `python3` that download a wheel. Verbose, because pip otherwise hides what an index answered. */
function pipWords(wheel, destination) {
  const [python, , platforms] = wheel.file
    .replace(/\.whl$/, '')
    .split('-')
    .slice(-3);
  const version = /^cp3(\d+)$/.exec(python)?.[1] ?? '11';
  return [
    ...['-m', 'pip', 'download', '-vv', '--no-input', '--no-deps', '--no-cache-dir'],
    ...['--disable-pip-version-check', '--retries', '2', '--dest', destination],
    ...['--only-binary=:all:', '--implementation', 'cp', '--python-version', `3.${version}`],
    ...platforms.split('.').flatMap((platform) => ['--platform', platform]),
    `${wheel.name}==${wheel.version}`,
  ];
}

const isOn = (text) => /^(?:1|y|yes|t|true|on)$/i.test(text ?? '');

const explain = (output, folder) =>
  explainSystemError(output, folder) ??
  `python3 could not describe its pip (${quoteLine(tellingLine(output) ?? 'no reason given')}): check that \`python3 -m pip --version\` works and run the command again.`;

/** @returns {Promise<Failure | null>} */
async function directly(wheel, folder, target, { env }) {
  const base = env.HAET_TENSORFLOW_URL || wheel.folderUrl;
  if (!base) return { reason: 'no direct download is known', remedy: null };
  const url = `${base.replace(/\/$/, '')}/${wheel.file}`;
  say(`trying ${url} ...`);
  try {
    await download(url, target, wheel.bytes);
  } catch (error) {
    const explained = explainSystemError(error, folder);
    if (explained) throw new SetupFailure(explained);
    return explainDownload(error, env);
  }
  if ((await sha256(target)) === wheel.sha256) return null;
  rmSync(target);
  return {
    reason: `the file from ${new URL(url).host} has the wrong checksum`,
    remedy: 'name another folder in HAET_TENSORFLOW_URL',
  };
}

/** @param {string} file */
export async function sha256(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}
