import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { download } from './download.mjs';
import { explainSystemError, SetupFailure } from './failure.mjs';
import { megabytes, say } from './report.mjs';
import { run } from './run.mjs';

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
  const reasons = [];
  for (const way of [viaPip, directly]) {
    const reason = await way(wheel, folder, target, { env, locks });
    if (reason === null) return target;
    reasons.push(reason);
  }
  throw new SetupFailure(
    `${wheel.file} could not be fetched (${reasons.join('; ')}): check the network, or put the file into ${folder} yourself, and run the command again.`,
  );
}

/** @returns {Promise<string | null>} why it failed; null if it succeeded */
async function viaPip(wheel, folder, target, { env, locks }) {
  const scratch = join(folder, 'pip');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  const [python, , platforms] = wheel.file
    .replace(/\.whl$/, '')
    .split('-')
    .slice(-3);
  const version = /^cp3(\d+)$/.exec(python)?.[1] ?? '11';
  const words = ['-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '--disable-pip-version-check'];
  words.push('--retries', '2', '--dest', scratch, '--only-binary=:all:', '--implementation', 'cp');
  words.push('--python-version', `3.${version}`);
  for (const platform of platforms.split('.')) words.push('--platform', platform);
  words.push(`${wheel.name}==${wheel.version}`);
  // pip first unpacks its download in TMPDIR, and /tmp is often a small file system in memory.
  const { status, output, missing } = await run('python3', words, {
    env: { ...env, TMPDIR: scratch },
    locks,
    live: true,
  });
  try {
    if (missing) return 'python3 was not found';
    if (status !== 0) {
      const explained = explainSystemError(output, folder);
      if (explained) throw new SetupFailure(explained);
      if (/No module named pip/.test(output)) return 'python3 has no pip (sudo apt install python3-pip)';
      const lines = output.split('\n').filter((line) => line.startsWith('ERROR:'));
      return `pip: ${lines[0]?.slice('ERROR: '.length) ?? `exit status ${status}`}`;
    }
    const file = join(scratch, wheel.file);
    if (!existsSync(file)) return `pip did not download ${wheel.file}`;
    if ((await sha256(file)) !== wheel.sha256) return 'the file from pip has the wrong checksum';
    renameSync(file, target);
    return null;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @returns {Promise<string | null>} why it failed; null if it succeeded */
async function directly(wheel, folder, target, { env }) {
  const base = env.HAET_TENSORFLOW_URL || wheel.folderUrl;
  if (!base) return 'no direct download is known';
  const url = `${base.replace(/\/$/, '')}/${wheel.file}`;
  say(`trying ${url} ...`);
  try {
    await download(url, target, wheel.bytes);
  } catch (error) {
    const explained = explainSystemError(error, folder);
    if (explained) throw new SetupFailure(explained);
    return `direct download: ${error.message}`;
  }
  if ((await sha256(target)) === wheel.sha256) return null;
  rmSync(target);
  return `the file from ${new URL(url).host} has the wrong checksum`;
}

/** @param {string} file */
export async function sha256(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}
