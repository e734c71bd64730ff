// Runs the checks of scripts/lint.mjs and the tests of jest.config.mjs, and prints failed and skipped tests and the
// time of each part. Parts that do not disturb each other run side by side: the project `unit` and then `system`, two
// files at a time, the project `runs`, and the check of the image.
//   npm test                    everything but the image
// npm test -- --image         also the image (scripts/docker/checkImage.sh; needs a Docker engine)
//   npm test -- test/scripts    the tests under a path, without lint, as jest prints them; further arguments go to jest
// npm test -- --coverage      all tests one by one; coverage of the code that jest itself loads, not of child processes
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const slowestShown = 15;
const root = fileURLToPath(new URL('../', import.meta.url));
const reports = mkdtempSync(join(tmpdir(), 'haet-test-'));
const jest = ['--no-warnings', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
const write = (text) => process.stdout.write(text);

/**
 * Runs a command to its end and returns its result.
 * @param {string} title
 * @param {string} program
 * @param {string[]} words
 * @param {import('node:child_process').StdioOptions} [stdio] by default output is kept
 * @returns {Promise<{ title: string, passed: boolean, seconds: number, cpuSeconds: number, output: string }>}
 */
async function run(title, program, words, stdio = ['ignore', 'pipe', 'pipe']) {
  const startedAt = performance.now();
  const child = spawn(program, words, { cwd: root, env, stdio });
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  let output = '';
  for (const stream of streams) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  let cpuSeconds = 0;
  const look = setInterval(() => {
    cpuSeconds = cpuSecondsOf(child.pid) ?? cpuSeconds;
  }, 200);
  const closed = once(child, 'close');
  const [status] = await once(child, 'exit');
  clearInterval(look);
  const seconds = (performance.now() - startedAt) / 1000;
  // A process that a test left running can hold the pipes open.
  await Promise.race([closed, sleep(2000, undefined, { ref: false })]);
  for (const stream of streams) stream.destroy();
  const passed = status === 0;
  write(`${title}: ${passed ? 'passed' : 'FAILED'} after ${seconds.toFixed(0)} s\n`);
  return { title, passed, seconds, cpuSeconds, output };
}

/** Returns the CPU seconds, user and system, of a process and its reaped children; null if it is gone. */
function cpuSecondsOf(pid) {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  } catch {
    return null;
  }
}

const reportOf = (project) => join(reports, `${project}.json`);
/**
 * Runs a project with its failures on our standard output; other output of its tests is dropped.
 * @param {string} project
 * @param {string[]} words
 * @param {string[]} enter  words before the command
 */
async function runJest(project, words, enter = []) {
  const options = ['--selectProjects', project, '--json', `--outputFile=${reportOf(project)}`];
  const reporter = '--reporters=./scripts/quietReporter.mjs';
  const stdio = ['ignore', 'pipe', 'pipe', process.stdout];
  const [program, ...rest] = [...enter, process.execPath, ...jest, ...options, reporter, ...words];
  const ended = await run(project, program, rest, stdio);
  if (!existsSync(reportOf(project))) write(ended.output);
  return ended;
}

/** Returns a project's report; a project without one failed as a whole. */
function readReport(project) {
  try {
    return JSON.parse(readFileSync(reportOf(project), 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, numRuntimeErrorTestSuites: 0, testResults: [] };
  }
}

/**
 * Returns the words that start a program in a mount namespace where the kernel's switch for dropping the page cache is an
 * ordinary file; none if this machine does not permit it. Root's sandboxes drop the cache of the whole machine before
 * every stage. Beside other tests, these would read compilers, Node and libtensorflow from disk again and again. Tests of
 * the dropping itself are in the project `alone`.
 */
function withoutDroppingCaches() {
  const stand = join(reports, 'drop_caches');
  writeFileSync(stand, '');
  const script = 'mount --bind "$0" /proc/sys/vm/drop_caches && exec "$@"';
  const [program, ...words] = ['unshare', '--mount', 'sh', '-c', script, stand];
  return spawnSync(program, [...words, 'true']).status === 0 ? [program, ...words] : [];
}

/** Prints the slowest files, the skipped tests, the time of each part and the number of tests. */
function summarize(parts, projects) {
  const results = projects.map(readReport);
  const files = results.flatMap(({ testResults }) => testResults);
  const slowest = files
    .map(({ name, startTime, endTime }) => ({
      file: relative(root, name),
      seconds: (endTime - startTime) / 1000,
    }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, slowestShown);
  const skipped = files.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'pending' || status === 'todo')
      .map(({ fullName }) => `  ${relative(root, name)}: ${fullName}\n`),
  );
  const column = (value) => value.toFixed(0).padStart(6);
  write('\nslowest test files (s)\n');
  for (const { file, seconds } of slowest) write(`${column(seconds)}  ${file}\n`);
  write('\nparts: wall time and CPU time without containers (s)\n');
  for (const { title, seconds, cpuSeconds } of parts)
    write(`${column(seconds)} ${column(cpuSeconds)}  ${title}\n`);
  if (skipped.length > 0) write(`\nskipped\n${skipped.join('')}`);
  const sum = (field) => results.reduce((total, result) => total + result[field], 0);
  // A file that cannot be loaded has no tests that count as failed.
  const failed = sum('numFailedTests') + sum('numRuntimeErrorTestSuites');
  write(`\n${sum('numPassedTests')} passed, ${failed} failed, ${skipped.length} skipped\n`);
}

/** @returns {Promise<boolean>} whether all passed */
async function testAll(withImage) {
  const lint = await run('lint', process.execPath, ['scripts/lint.mjs']);
  write(lint.output);
  if (!lint.passed) return false;
  const image = withImage ? run('image', 'bash', ['scripts/docker/checkImage.sh']) : null;
  const beside = withoutDroppingCaches();
  const runs = runJest('runs', ['--runInBand'], beside);
  const unit = await runJest('unit', [], beside);
  // Two of its files at once keep both cores busy when the other parts have ended.
  const two = ['--maxWorkers=2', '--testSequencer=./scripts/slowestFirst.mjs'];
  const sideBySide = await Promise.all([
    ...[runJest('system', two, beside), runs],
    ...(image === null ? [] : [image]),
  ]);
  write((await image)?.output ?? '');
  const alone = await runJest('alone', ['--runInBand']);
  const parts = [lint, unit, ...sideBySide, alone];
  summarize(parts, ['unit', 'system', 'runs', 'alone']);
  return parts.every(({ passed }) => passed);
}

async function main(words) {
  if (words.length === 0) return testAll(false);
  if (words.length === 1 && words[0] === '--image') return testAll(true);
  const chosen = [...jest, '--runInBand', ...words];
  return (await run('jest', process.execPath, chosen, 'inherit')).passed;
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} finally {
  rmSync(reports, { recursive: true });
}
