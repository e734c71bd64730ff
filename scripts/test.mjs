// Runs the type and lint check, then the two jest projects: unit tests in parallel, system tests one file at a time
// (they load TensorFlow or start children, and would time each other). Words given are passed to jest.
import { spawnSync } from 'node:child_process';
import { allocatorEnvironment } from './allocator.mjs';

const words = process.argv.slice(2);
const jest = ['--no-warnings', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
const commands = [
  ['node_modules/@biomejs/biome/bin/biome', 'ci', '.'],
  ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'],
  [...jest, '--selectProjects', 'unit', '--passWithNoTests', ...words],
  [...jest, '--selectProjects', 'system', '--runInBand', '--passWithNoTests', ...words],
];
for (const command of words.length > 0 ? commands.slice(2) : commands) {
  const { status } = spawnSync(process.execPath, command, {
    stdio: 'inherit',
    env: { ...process.env, ...allocatorEnvironment, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  if (status !== 0) process.exit(status ?? 1);
}
