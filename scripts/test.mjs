// Runs the type and lint check, then the two jest projects: unit tests in parallel, system tests one file at a time
// (they load TensorFlow or start children, and would time each other). Words given are passed to jest.
// The last line counts the tests of both projects, also when some failed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const words = process.argv.slice(2);
const reports = mkdtempSync(join(tmpdir(), 'haet-test-'));
const count = { passed: 0, failed: 0, skipped: 0 };
let worst = 0;

function node(command) {
  const { status } = spawnSync(process.execPath, command, {
    stdio: 'inherit',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  worst ||= status ?? 1;
  return status === 0;
}

function jest(project, options) {
  const report = join(reports, `${project}.json`);
  const runner = ['--no-warnings', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
  const chosen = ['--selectProjects', project, '--passWithNoTests', '--json', `--outputFile=${report}`];
  node([...runner, ...chosen, ...options, ...words]);
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    count.passed += result.numPassedTests;
    // A file that cannot be loaded has no tests of its own to count as failed.
    count.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    count.skipped += result.numPendingTests + result.numTodoTests;
  } catch {
    count.failed += 1;
  }
}

const checked =
  words.length > 0 ||
  (node(['node_modules/@biomejs/biome/bin/biome', 'ci', '.']) &&
    node(['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json']));
if (checked) {
  jest('unit', []);
  jest('system', ['--runInBand']);
  process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
}
rmSync(reports, { recursive: true });
process.exitCode = worst;
