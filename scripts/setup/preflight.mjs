import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compilerWords } from './compiler.mjs';
import { SetupFailure } from './failure.mjs';
import { cacheFolder } from './paths.mjs';
import { checkPlatform, thisPlatform } from './platform.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';

const directMilliseconds = 5000;

/** How each distribution installs what can be missing. */
const distributions = {
  debian: {
    title: 'Debian, Ubuntu',
    install: 'apt install',
    packages: { python3: 'python3', pip: 'python3-pip', compiler: 'g++' },
  },
  fedora: {
    title: 'Fedora',
    install: 'dnf install',
    packages: { python3: 'python3', pip: 'python3-pip', compiler: 'gcc-c++' },
  },
  arch: {
    title: 'Arch',
    install: 'pacman -S',
    packages: { python3: 'python', pip: 'python-pip', compiler: 'gcc' },
  },
};
const family = { ubuntu: 'debian', rhel: 'fedora', centos: 'fedora' };

/**
 * What a machine lacks.
 * @typedef {object} Missing
 * @property {boolean} [python3]
 * @property {{ kind: 'system' | 'venv' | 'uv' | 'conda', prefix: string } | null} [pip]  the python3 that has none
 * @property {{ name: string, fromCXX: boolean, fault: string | null } | null} [compiler]  `fault`: why it cannot compile
 *   C++17, if it exists
 */

/**
 * Throws, before anything is downloaded, if a program is missing that a pending step needs; one message names all.
 * @param {{ library: import('./pins.mjs').Library | null, compiler: boolean }} pending  the library to be fetched, if it
 *   is not there, and whether something is to be compiled
 */
export async function preflight({ library, compiler }) {
  if (library !== null) checkPlatform(thisPlatform());
  const python = await describePython();
  const missing = {
    python3: python === null,
    pip: library === null ? null : await missingPip(python, library),
    compiler: compiler ? await missingCompiler() : null,
  };
  const sentence = explainMissing(missing, readOsRelease(), process.getuid());
  if (sentence !== null) throw new SetupFailure(sentence);
}

/** Returns facts about python3; null if there is none, and no facts if it does not run, which the lock reports. */
async function describePython() {
  const facts = `
import json, os, sys
venv = os.path.join(sys.prefix, "pyvenv.cfg")
text = open(venv).read() if os.path.exists(venv) else ""
conda = os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
kind = "conda" if conda else "uv" if "uv = " in text else "venv" if text else "system"
print(json.dumps({"kind": kind, "prefix": sys.prefix}))`;
  const { missing, status, output } = await run('python3', ['-I', '-c', facts]);
  if (missing) return null;
  return status === 0 ? JSON.parse(output) : {};
}

/** Returns the python3 if pip is needed and missing. */
async function missingPip(python, library) {
  const downloads = join(cacheFolder(), 'downloads');
  const wheels = library.wheels.filter(({ file }) => !existsSync(join(downloads, file)));
  if (wheels.length === 0 || process.env.HAET_TENSORFLOW_URL) return null;
  // Without a python3, it is installed together with pip.
  if (python === null) return { kind: 'system', prefix: '' };
  const { status, output } = await run('python3', ['-m', 'pip', '--version']);
  if (status === 0 || !/No module named '?pip'?\s*$/m.test(output)) return null;
  if (wheels.every(({ folderUrl }) => folderUrl)) say('python3 has no pip; trying the direct download ...');
  const direct = await Promise.all(wheels.map(isReachable));
  return direct.every(Boolean) ? null : python;
}

/** Returns whether a wheel can be downloaded without pip. */
async function isReachable({ folderUrl, file }) {
  if (!folderUrl) return false;
  try {
    const signal = AbortSignal.timeout(directMilliseconds);
    return (await fetch(`${folderUrl}/${file}`, { method: 'HEAD', signal })).ok;
  } catch {
    return false;
  }
}

async function missingCompiler() {
  const [name, ...own] = compilerWords();
  const words = ['-std=c++17', '-fsyntax-only', '-include', 'string_view', '-x', 'c++', '/dev/null'];
  const env = { ...process.env, LC_ALL: 'C' };
  const { missing, status, output } = await run(name, [...own, ...words], { env });
  const fault = output.split('\n').find((line) => /string_view|cc1plus|c\+\+17/.test(line)) ?? null;
  // Other faults are reported by the step that compiles, which knows more about them.
  if (!missing && (status === 0 || fault === null)) return null;
  return { name, fromCXX: Boolean(process.env.CXX?.trim()), fault: missing ? null : fault.trim() };
}

/**
 * Returns the sentence about everything that is missing, or null.
 * @param {Missing} missing
 * @param {string} osRelease  the text of /etc/os-release
 * @param {number} user  root needs no sudo, which containers often lack
 */
export function explainMissing({ python3 = false, pip = null, compiler = null }, osRelease, user) {
  const faults = [];
  const packages = [];
  const others = [];
  if (python3) {
    faults.push('python3 was not found');
    packages.push('python3');
  }
  if (pip !== null && (python3 || pip.kind === 'system')) packages.push('pip');
  if (pip !== null && !python3) {
    const where = {
      venv: 'the virtual environment',
      uv: 'the virtual environment',
      conda: 'the conda environment',
    };
    faults.push(
      `python3 has no pip${pip.kind === 'system' ? '' : `, because it is that of ${where[pip.kind]} ${pip.prefix}`}`,
    );
    const remedies = {
      venv: 'run `python3 -m ensurepip` or `deactivate`',
      uv: 'run `uv pip install pip` or `deactivate`',
      conda: 'run `conda install pip` or `conda deactivate`',
    };
    if (pip.kind !== 'system') others.push(remedies[pip.kind]);
  }
  if (compiler !== null) {
    const { name, fromCXX, fault } = compiler;
    faults.push(
      fault === null
        ? `the C++ compiler ${name} was not found`
        : `the C++ compiler ${name} cannot compile C++17 (${fault})`,
    );
    if (fromCXX) others.push('correct CXX or unset it');
    else packages.push('compiler');
  }
  if (faults.length === 0) return null;
  const remedies = [...(packages.length > 0 ? [installCommand(packages, osRelease, user)] : []), ...others];
  const text = `${join2(faults)}: ${join2(remedies)}, and run the command again.`;
  return `${text[0].toUpperCase()}${text.slice(1)}`.replace(/^Python3/, 'python3');
}

const join2 = (parts) => parts.join(', and ');

/** Returns the command of this distribution, or those of all known ones. */
function installCommand(names, osRelease, user) {
  const words = [...osRelease.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap(([, value]) =>
    value.split(' '),
  );
  const known = words.map((word) => family[word] ?? word).find((word) => distributions[word]);
  const sudo = user === 0 ? '' : 'sudo ';
  const chosen = known === undefined ? Object.values(distributions) : [distributions[known]];
  const commands = chosen.map(({ title, install, packages }) => {
    const command = `\`${sudo}${install} ${names.map((name) => packages[name]).join(' ')}\``;
    return known === undefined ? `${command} (${title})` : command;
  });
  return `run ${commands.join(' or ')}`;
}

function readOsRelease() {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}
