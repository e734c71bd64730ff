import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { dryRunCommand } from '../../cli/commands/dryRun.ts';
import { explainMissing } from '../../scripts/setup/preflight.mjs';
import { explainSwallowed, optionsOfScripts } from '../../scripts/setup/swallowedOptions.mjs';

describe('what is missing is told in one message, with the commands of the distribution:', () => {
  const debian = 'NAME="Debian GNU/Linux"\nID=debian\n';
  const ubuntu = 'ID=ubuntu\nID_LIKE=debian\n';
  const alma = 'ID="almalinux"\nID_LIKE="rhel centos fedora"\n';
  const noCompiler = { name: 'c++', fromCXX: false, fault: null };
  const system = { kind: 'system', prefix: '/usr' } as const;
  const everything = { python3: true, pip: system, compiler: noCompiler };

  test.each([
    [
      'everything on Ubuntu',
      explainMissing(everything, ubuntu, 1000),
      'python3 was not found, and the C++ compiler c++ was not found: run `sudo apt install python3 python3-pip g++`, and run the command again.',
    ],
    [
      'pip as root on Debian, whose image has no sudo',
      explainMissing({ pip: system }, debian, 0),
      'python3 has no pip: run `apt install python3-pip`, and run the command again.',
    ],
    [
      'a compiler on a relative of Fedora',
      explainMissing({ compiler: noCompiler }, alma, 1000),
      'The C++ compiler c++ was not found: run `sudo dnf install gcc-c++`, and run the command again.',
    ],
    [
      'everything on an unknown distribution',
      explainMissing(everything, '', 1000),
      'python3 was not found, and the C++ compiler c++ was not found: run `sudo apt install python3 python3-pip g++` (Debian, Ubuntu) or `sudo dnf install python3 python3-pip gcc-c++` (Fedora) or `sudo pacman -S python python-pip gcc` (Arch), and run the command again.',
    ],
    [
      'pip of a virtual environment, where that of the distribution does not help',
      explainMissing({ pip: { kind: 'venv', prefix: '/v' } }, debian, 1000),
      'python3 has no pip, because it is that of the virtual environment /v: run `python3 -m ensurepip` or `deactivate`, and run the command again.',
    ],
    [
      'pip of an environment that uv made',
      explainMissing({ pip: { kind: 'uv', prefix: '/v' } }, debian, 1000),
      'python3 has no pip, because it is that of the virtual environment /v: run `uv pip install pip` or `deactivate`, and run the command again.',
    ],
    [
      'pip of a conda environment, and a compiler',
      explainMissing({ pip: { kind: 'conda', prefix: '/c' }, compiler: noCompiler }, debian, 1000),
      'python3 has no pip, because it is that of the conda environment /c, and the C++ compiler c++ was not found: run `sudo apt install g++`, and run `conda install pip` or `conda deactivate`, and run the command again.',
    ],
    [
      'a compiler in CXX that does not exist',
      explainMissing({ compiler: { name: 'g++-99', fromCXX: true, fault: null } }, debian, 1000),
      'The C++ compiler g++-99 was not found: correct CXX or unset it, and run the command again.',
    ],
    [
      'a compiler without C++17',
      explainMissing(
        { compiler: { ...noCompiler, fault: "unrecognized option '-std=c++17'" } },
        debian,
        1000,
      ),
      "The C++ compiler c++ cannot compile C++17 (unrecognized option '-std=c++17'): run `sudo apt install g++`, and run the command again.",
    ],
    ['nothing', explainMissing({}, debian, 1000), null],
  ])('%s', (_, told, sentence) => {
    expect(told).toBe(sentence);
  });
});

describe('options that npm keeps because `--` is missing', () => {
  const file = resolve('package.json');
  const env = (script: string, ...names: string[]) => ({
    npm_lifecycle_event: script,
    npm_package_json: file,
    ...Object.fromEntries(names.map((name) => [`npm_config_${name}`, 'true'])),
  });

  test('the list has all options of the commands', () => {
    const command = new Command();
    dryRunCommand(command);
    expect([...optionsOfScripts['start']!].sort()).toEqual(
      command.options.map(({ long }) => long!.slice(2)).sort(),
    );
  });

  test('are named with the command that passes them on', () => {
    expect(explainSwallowed(env('start', 'budget', 'entry_arg'), file)).toBe(
      'npm kept --budget, --entry-arg for itself, and nothing was started: put `--` before the options, as in `npm start -- --budget ...`.',
    );
    expect(explainSwallowed(env('test', 'image'), file)).toMatch(/as in `npm test -- --image \.\.\.`/);
  });

  test('are no matter in another script, for another package, or if they are npm’s own', () => {
    expect(explainSwallowed(env('docs', 'image'), file)).toBeNull();
    expect(explainSwallowed(env('start', 'registry', 'prefix'), file)).toBeNull();
    expect(explainSwallowed(env('start', 'budget'), resolve('submission/package.json'))).toBeNull();
    expect(explainSwallowed({}, file)).toBeNull();
  });
});
