// Four projects, by what a test needs of the machine. scripts/test.mjs runs `runs` beside `unit` and `system`.
// `unit` is fast. The others, named *.system.test.ts, load TensorFlow or start processes.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** Take the machine's lock or time a run, but stay right on a busy machine: one file at a time. */
export const runs = [
  'cli/audit',
  'cli/dryRun',
  'cli/grade',
  'cli/gradeSealed',
  'cli/maskedCpu',
  'cli/official',
  'cli/terminal',
  'evaluator/attest/signRun',
  'evaluator/audit/audit',
  'evaluator/run/predictAgain',
  'evaluator/run/survivor',
  'evaluator/sandbox/sameVerdict',
  'examples/examples',
];

/**
 * Measure time, memory, disk or other programs, attack the machine, or use the sandbox `user`, which takes every process
 * of its user for its own, also those in a container of the image's check: nothing runs beside them.
 */
export const alone = [
  'cli/checkMachine',
  'cli/officialUser',
  'cli/selfTest',
  'evaluator/grade/gradeArchives',
  'evaluator/intake/takeEntry',
  'evaluator/machine/contention',
  'evaluator/machine/machineLock',
  'evaluator/sandbox/(?!sameVerdict).+',
  'evaluator/selfTest/.+',
  'evaluator/stage/.+',
  'submission/train',
];

/**
 * The files of `system` that take longest, longest first. They start first (scripts/slowestFirst.mjs), so that no worker
 * runs one of them alone at the end.
 */
export const slowest = [
  'submission/engine/native/driver',
  'submission/engine/native/nativeEngine',
  'cli/gradeSlurm',
  'scripts/setup',
  'bench/chaos',
  'scripts/setupGpu',
  'submission/step',
];

const systemTest = '\\.system\\.test\\.ts$';
const oneOf = (files) => `/test/(${files.join('|')})${systemTest}`;

const common = {
  // Not in /tmp, which the sandbox `user` searches after each stage for files that an entry left, and not in
  // node_modules, which entries see.
  cacheDirectory: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'haet/jest'),
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }],
    '^.+\\.tsx$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic', importSource: 'preact' } },
        },
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/runs'],
};
const project = (displayName, testRegex, testPathIgnorePatterns = []) => ({
  ...common,
  displayName,
  testRegex,
  testPathIgnorePatterns,
});

export default {
  projects: [
    project('unit', '/test/.*\\.test\\.ts$', [systemTest]),
    project('system', `/test/.*${systemTest}`, [oneOf(runs), oneOf(alone)]),
    project('runs', oneOf(runs)),
    project('alone', oneOf(alone)),
  ],
  testTimeout: 120_000,
  collectCoverageFrom: ['{bench,cli,datasets,evaluator,submission}/**/*.{ts,tsx}'],
};
