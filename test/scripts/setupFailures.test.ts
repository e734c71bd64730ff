import { describe, expect, test } from '@jest/globals';
import { explainBuild } from '../../scripts/setup/build.mjs';
import { compilerWords, explainCompiler } from '../../scripts/setup/compiler.mjs';
import { explainDownload } from '../../scripts/setup/download.mjs';
import { explainLoad } from '../../scripts/setup/explainLoad.mjs';
import { explainNoPip, explainPip } from '../../scripts/setup/explainPip.mjs';
import { explainLock } from '../../scripts/setup/lock.mjs';
import { cacheFolder } from '../../scripts/setup/paths.mjs';
import { pipEnvironment } from '../../scripts/setup/pipSettings.mjs';
import { processorName } from '../../scripts/setup/platform.mjs';
import { explainPython } from '../../scripts/setup/python.mjs';
import { shellWords } from '../../scripts/setup/shellWords.mjs';
import { explainSystemError } from '../../scripts/setup/systemError.mjs';

const failed = (output: string, status = 1) => ({ status, signal: null, output });
const killed = (signal: string) => ({ status: null, signal, output: '' });

const isForOther = new RegExp(`not one for Linux on ${processorName()}`);
const isTooOld = /too old to know the instructions for bfloat16, so use g\+\+ 10 or clang 10/;
const nameAnother = new RegExp(`name a compiler for Linux on ${processorName()} in CXX`);

describe('the words of CXX', () => {
  test.each([
    ['ccache g++', ['ccache', 'g++']],
    ['  g++\t-m64 ', ['g++', '-m64']],
    [`"/my tools/g++" '-D A' b\\ c`, ['/my tools/g++', '-D A', 'b c']],
    [`a"b"'c'\\d "" ''`, ['abcd', '', '']],
    [`"\\"\\$\\x"`, ['"$\\x']],
    ['a\\\nb', ['ab']],
    ['', []],
    ['"open', null],
    ["it's", null],
    ['end\\', null],
  ])('%j are %j', (text, words) => {
    expect(shellWords(text)).toEqual(words);
  });

  test('are c++ if it is not set, the file itself if there is one, and must close their quotes', () => {
    expect(compilerWords({})).toEqual(['c++']);
    expect(compilerWords({ CXX: ' ' })).toEqual(['c++']);
    expect(compilerWords({ CXX: process.execPath })).toEqual([process.execPath]);
    expect(() => compilerWords({ CXX: '"g++' })).toThrow(/CXX is "g\+\+, in which a quote .*is not closed/);
  });
});

describe('a compiler that says', () => {
  const sentenceOf = (output: string) => explainCompiler(failed(output), ['g++'], 'addon', '/clone/lib');

  // Lines of g++ 5 to 14 and clang 6 to 18.
  test.each([
    ['g++: fatal error: Killed signal terminated program cc1plus', /ran out of memory, so free about 1 GB/],
    ['c++: internal compiler error: Killed (program cc1plus)', /ran out of memory/],
    ['virtual memory exhausted: Cannot allocate memory', /ran out of memory/],
    ['clang: error: unable to execute command: Killed', /ran out of memory/],
    ["terminate called after throwing an instance of 'std::bad_alloc'", /ran out of memory/],
    ['x.cc:9:1: internal compiler error: Segmentation fault', /crashed, so name another version in CXX/],
    [
      "g++: fatal error: cannot execute 'cc1plus': execvp: No such file or directory",
      /C\+\+ part .*apt install g\+\+/,
    ],
    [
      "gcc: error trying to exec 'cc1plus': execvp: No such file or directory",
      /C\+\+ part .*apt install g\+\+/,
    ],
    ["collect2: fatal error: cannot find 'ld'", /linker is missing, so install it .*binutils/],
    ['clang: error: unable to execute command: Executable "ld" doesn\'t exist!', /linker is missing/],
    [
      "g++: fatal error: cannot execute 'as': execvp: No such file or directory",
      /assembler or linker .*binutils/,
    ],
    ["clang: error: invalid linker name in '-fuse-ld=mold'", /linker is missing/],
    ['x.cc:1:10: fatal error: string: No such file or directory', /C\+\+ library are missing, .*g\+\+/],
    ["x.cc:1:10: fatal error: 'cstddef' file not found", /C\+\+ library are missing/],
    ['string:38:28: fatal error: bits/c++config.h: No such file or directory', /C\+\+ library are missing/],
    ['cstdlib:75:15: fatal error: stdlib.h: No such file or directory', /C library are missing, .*libc6-dev/],
    ["x.cc:1:10: fatal error: 'stdint.h' file not found", /C library are missing/],
    [
      'errno.h:1:10: fatal error: linux/errno.h: No such file or directory',
      /headers of Linux .*linux-libc-dev/,
    ],
    ['features.h:1:3: fatal error: gnu/stubs-32.h: No such file or directory', isForOther],
    ['ld: skipping incompatible /c/libtensorflow_cc.so.2 when searching for it', isForOther],
    ["g++: error: unrecognized command-line option '-mavx2'", isForOther],
    ["g++: error: unrecognized command line option '-mavx512bf16'; did you mean '-mavx512bw'?", isTooOld],
    ["clang: error: unknown argument: '-mavx512bf16'", isTooOld],
    ['/usr/bin/ld: cannot find -lstdc++', /libraries of the compiler are not complete, .*g\+\+ libc6-dev/],
    ['/usr/bin/ld: cannot find Scrt1.o: No such file or directory', /libraries of the compiler/],
    [
      "g++: error: unrecognized command line option '-std=c++17'",
      /it needs C\+\+17, so use g\+\+ 10 or clang 10/,
    ],
    ["error: invalid value 'c++17' in '-std=c++17'", /it needs C\+\+17/],
    ["error: 'string_view' is not a member of 'std'", /it needs C\+\+17/],
    [
      '/usr/bin/ld: cannot find -l:libtensorflow_cc.so.2: No such file',
      /delete the folder libtensorflow in the cache/,
    ],
    [
      'x.cc:1:10: fatal error: tensorflow/c/c_api.h: No such file or directory',
      /delete the folder libtensorflow/,
    ],
    ["g++: error: unrecognized command-line option '-pedantik'", /check the options in CXX/],
    ['ccache: error: Failed to create directory /r/.ccache: Permission denied', /compiler cache failed/],
    ['/opt/g++: 1: Syntax error: "(" unexpected', /not a program for this machine/],
    ['g++: error while loading shared libraries: libisl.so.23: cannot open', /unset LD_LIBRARY_PATH/],
    ['Cannot create temporary file in /nope/: No such file or directory', /name a folder .* in TMPDIR/],
    ['x.cc:7: error: expected primary-expression', /repair what this line names, or name another compiler/],
  ])('%s', (line, remedy) => {
    const sentence = sentenceOf(`In file included from x.cc:\n${line}\ncompilation terminated.\n`);
    expect(sentence).toContain(`g++ could not compile the addon (${line.replace(/\.$/, '')}): `);
    expect(sentence).toMatch(remedy);
    expect(sentence).toMatch(/ and run the command again\.$/);
    if (!/C\\\+\\\+17/.test(remedy.source)) expect(sentence).not.toMatch(/C\+\+17/);
  });

  test('that a disk is full, names the disk that its line names', () => {
    const line = '/scratch/ccA.s: No space left on device';
    expect(sentenceOf(`fatal error: error writing to ${line}`)).toMatch(
      /^The disk that holds \/scratch\/ccA\.s is full \(.*\): free some space there and run/,
    );
  });

  test('nothing because it cannot be started, is named by what spawn says', () => {
    expect(
      explainCompiler({ status: null, output: 'Error: spawn /opt EACCES' }, ['/opt'], 'addon', '/c'),
    ).toMatch(/\/opt could not compile .*spawn \/opt EACCES.*name another compiler in CXX/);
  });
});

describe('an addon that does not load because', () => {
  const sentenceOf = (line: string, env = {}) =>
    explainLoad(failed(`node:internal/modules\n\nError: ${line}\n    at x\n`), 'addon', env);
  const file = '/clone/lib/a.node.partial';
  const library = '/cache/libtensorflow_cc.so.2';

  test.each([
    [`${file}: failed to map segment from shared object`, {}, /noexec.*move the clone to another disk/],
    [
      `${library}: failed to map segment from shared object: Operation not permitted`,
      {},
      /noexec.*HAET_CACHE/,
    ],
    [`${library}: failed to map segment from shared object: Cannot allocate memory`, {}, /free some memory/],
    [
      `${library}: cannot allocate memory in static TLS block`,
      { LD_PRELOAD: '/j.so' },
      /unset LD_PRELOAD \(\/j\.so\)/,
    ],
    [
      `${file}: cannot enable executable stack as shared object requires: Invalid argument`,
      {},
      /executable stack/,
    ],
    [`${library}: cannot restore segment prot after reloc: Permission denied`, {}, /SELinux.*chcon/],
    [
      `/opt/conda/lib/libstdc++.so.6: version \`GLIBCXX_3.4.30' not found (required by ${library})`,
      { LD_LIBRARY_PATH: '/opt/conda/lib' },
      /libstdc\+\+\.so\.6 is older than needed: remove its folder from LD_LIBRARY_PATH/,
    ],
    [
      `/usr/lib/x86_64-linux-gnu/libstdc++.so.6: version \`GLIBCXX_3.4.32' not found (required by ${file})`,
      {},
      /name the compiler of the system in CXX, or use a newer Linux distribution/,
    ],
    [`/lib/libc.so.6: version \`GLIBC_2.38' not found (required by ${file})`, {}, /name another one in CXX/],
    [
      `/lib/libc.so.6: version \`GLIBC_2.38' not found (required by ${library})`,
      {},
      /use a newer Linux distribution/,
    ],
    [`${file}: wrong ELF class: ELFCLASS32`, {}, nameAnother],
    [`${file}: invalid ELF header`, {}, nameAnother],
    [`${library}: file too short`, {}, /libtensorflow_cc\.so\.2 is damaged .*: delete it/],
    [
      'libtensorflow_cc.so.2: cannot open shared object file: No such file',
      {},
      /delete the folder libtensorflow/,
    ],
    [
      'libstdc++.so.6: cannot open shared object file: No such file',
      {},
      /package .* that has libstdc\+\+\.so\.6/,
    ],
    [`${file}: undefined symbol: TF_Version`, { LD_PRELOAD: '/f.so' }, /another library .* unset LD_PRELOAD/],
    [`${file}: undefined symbol: TF_Version`, {}, /check the options in CXX/],
    [`Module did not self-register: '${file}'`, {}, /check the options in CXX/],
    ['something new', {}, /\(something new\): please report this line/],
  ])('%s', (line, env, remedy) => {
    expect(sentenceOf(line, env)).toMatch(remedy);
    expect(sentenceOf(line, env)).toContain(line);
    if (!/newer Linux/.test(remedy.source)) expect(sentenceOf(line, env)).not.toMatch(/Linux distribution/);
  });

  test('the processor lacks an instruction, or memory ran out', () => {
    const lacks = (cpu: string) => explainLoad(killed('SIGILL'), 'addon', {}, cpu);
    expect(lacks('x64')).toMatch(/killed by SIGILL.*instructions that TensorFlow needs \(AVX\):/);
    expect(lacks('arm64')).toMatch(/killed by SIGILL.*instructions that TensorFlow needs: /);
    expect(explainLoad(killed('SIGKILL'), 'addon', {})).toMatch(/killed by SIGKILL\): memory ran out/);
  });
});

describe('TypeScript’s compiler that', () => {
  test.each([
    [
      'a.ts(1,2): error TS2322: no\n',
      2,
      null,
      /^The sources do not compile \(a\.ts\(1,2\): error TS2322: no\): fix/,
    ],
    [
      'FATAL ERROR: Reached heap limit - JavaScript heap out of memory',
      134,
      null,
      /not enough memory .*free some/,
    ],
    ['', null, 'SIGKILL', /failed \(killed by SIGKILL\): free some memory/],
    ["Error: Cannot find module '/x/tsc.js'", 1, null, /Cannot find module.*: delete node_modules/],
  ])('says %j', (output, status, signal, sentence) => {
    expect(explainBuild({ output, status, signal })).toMatch(sentence);
  });
});

describe('python3 that says', () => {
  test.each([
    ['pyenv: python3: command not found', 127, /choose an installed version with `pyenv global`/],
    ['No version is set for command python3', 126, /in your version manager/],
    ['Unknown option: -I', 2, /Python 3\.6 or newer/],
    ['set-up needs Python 3.6 and this is 3.5', 1, /Python 3\.6 or newer/],
    ["ModuleNotFoundError: No module named 'encodings'", 1, /a complete Python first in PATH/],
    ["zipimport.ZipImportError: can't decompress data; zlib (missing) zlib module", 1, /a complete Python/],
    ['python3: error while loading shared libraries: libpython3.8.so', 127, /LD_LIBRARY_PATH/],
    ['sh: 1: exec: /opt/python: not found', 127, /repair it until `python3 --version` prints a version/],
  ])('%s', (line, status, remedy) => {
    const sentence = explainPython(failed(`${line}\n`, status), '/cache');
    expect(sentence).toMatch(/^python3 cannot be used \(/);
    expect(sentence).toContain(line);
    expect(sentence).toMatch(remedy);
  });

  test('nothing because it was killed for memory', () => {
    expect(explainPython(killed('SIGKILL'), '/c')).toMatch(
      /cannot be used \(killed by SIGKILL\): free some memory/,
    );
  });

  test('a traceback of our own script, or its refusal, ran', () => {
    expect(
      explainPython(failed('Traceback (most recent call last):\nOSError: [Errno 5] x'), '/c'),
    ).toBeNull();
    expect(explainPython(failed('holds nothing named x', 3), '/c')).toBeNull();
  });

  test.each([
    ['OSError: [Errno 37] No locks available', /on a file system with file locks/],
    ['OSError: [Errno 9] Bad file descriptor', /a wrapper that closes open files/],
    ['OSError: [Errno 5] Input/output error', /reported an error of its hardware/],
    ['OSError: [Errno 116] Stale file handle', /network file system .* mount it again/],
  ])('%s, where a lock was wanted', (line, remedy) => {
    expect(explainLock(`Traceback (most recent call last):\n${line}\n`, '/clone/.setup.lock')).toMatch(
      remedy,
    );
  });
});

describe('pip that says', () => {
  const pip = { version: '23.0', noIndex: false };
  const retry = (cause: string) =>
    `WARNING: Retrying (Retry(total=1, connect=None)) after connection broken by '${cause}': /simple/x/`;
  const none = 'ERROR: No matching distribution found for tensorflow-cpu==2.21.0';

  test.each([
    [retry("NewConnectionError('<x>: [Errno -2] Name or service not known')"), 'check the network'],
    [retry("ProxyError('Cannot connect to proxy.', x('[Errno 111] Connection refused'))"), 'check the proxy'],
    [retry("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] x'))"), 'PIP_CERT'],
    [
      `${retry('SSLError("Can\'t connect to HTTPS URL because the SSL module is not available.")')}`,
      'put a python3 with OpenSSL first',
    ],
    ['ERROR: HTTP error 403 while getting https://x', 'check the mirror'],
    ['Could not fetch URL https://x/: 401 Client Error: Unauthorized - skipping', 'check the mirror'],
    [
      'Could not fetch URL https://x/: 404 Client Error: Not Found for url: https://x/ - skipping',
      'check the mirror',
    ],
    [
      'WARNING: The repository located at m is not a trusted or secure host and is being ignored.',
      'PIP_TRUSTED_HOST',
    ],
    ['ERROR: 503 Server Error: Service Unavailable for url: https://x', 'wait until the mirror works again'],
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'use another mirror'],
    ['Configuration file could not be loaded.', 'correct this setting of pip'],
    ['An error occurred during configuration: option timeout: invalid value', 'correct this setting'],
    ['pip._vendor.requests.exceptions.InvalidSchema: Missing dependencies for SOCKS support.', 'ALL_PROXY'],
    [
      'pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool: Read timed out.',
      'check the network',
    ],
    ["ModuleNotFoundError: No module named 'distutils'", 'repair pip'],
    ['MemoryError', 'free about 1 GB'],
    [none, 'check the mirror'],
  ])('%s', (line, remedy) => {
    const found = explainPip(failed(`${line}\n${none}\n`), pip);
    expect(found.remedy).toContain(remedy);
    expect(found.reason).toMatch(/^pip: \S/);
    if (remedy !== 'check the network') expect(found.remedy).not.toMatch(/check the network/);
  });

  test('only that nothing was found, is too old or was told to use no index', () => {
    expect(explainPip(failed(none), { version: '9.0.1', noIndex: false })).toEqual({
      reason: expect.stringContaining('pip 9.0.1 is too old'),
      remedy: expect.stringContaining('update it'),
    });
    expect(explainPip(failed(none), { version: '23.0', noIndex: true }).remedy).toMatch(/no-index/);
  });

  test('what nobody foresaw, is quoted and gets no advice', () => {
    expect(explainPip(failed('ERROR: the moon is full.'), pip)).toEqual({
      reason: 'pip: the moon is full',
      remedy: null,
    });
    expect(explainPip(killed('SIGKILL'), pip).remedy).toMatch(/memory/);
  });

  test.each([
    ['system', true, /apt install python3-pip/],
    ['own', true, /^run `python3 -m ensurepip`$/],
    ['venv', true, /^run `python3 -m ensurepip` or run `deactivate`$/],
    ['venv', false, /^run `deactivate`$/],
    ['conda', true, /^run `conda install pip` or `conda deactivate`$/],
  ] as const)('that it does not exist, of a Python of kind %s', (kind, ensurepip, remedy) => {
    const problem = '/usr/bin/python3: No module named pip\n';
    expect(explainNoPip({ problem, kind, ensurepip, prefix: '/p' }).remedy).toMatch(remedy);
  });

  test('that it has no settings, because it is older than the command for them', () => {
    const problem = 'ERROR: unknown command "config"';
    expect(
      explainNoPip({ version: '9.0.1', problem, kind: 'system', ensurepip: false, prefix: '/usr' }),
    ).toEqual({
      reason: 'pip 9.0.1 is too old',
      remedy: expect.stringContaining('update it'),
    });
  });

  test('that it is broken, is quoted', () => {
    const problem = "Traceback (most recent call last):\nImportError: cannot import name 'main'\n";
    expect(explainNoPip({ problem, kind: 'system', ensurepip: false, prefix: '/usr' })).toEqual({
      reason: "pip does not run: ImportError: cannot import name 'main'",
      remedy: expect.stringContaining('repair pip'),
    });
  });
});

test('pip gets the user’s mirrors, proxies and certificates, and none of his other settings', () => {
  const settings: [string, string][] = [
    ['global.index-url', 'https://weak/simple'],
    ['global.extra-index-url', '\nhttps://a\nhttps://b'],
    ['global.quiet', '3'],
    ['global.cert', '/with blank/ca.pem'],
    ['install.trusted-host', 'mirror'],
    ['install.index-url', 'https://weaker'],
    ['download.timeout', '3'],
    ['download.dest', '/x'],
    ['list.index-url', 'https://not-ours'],
    [':env:.proxy', 'not-read-here'],
  ];
  const env = {
    HOME: '/h',
    https_proxy: 'http://p',
    PIP_INDEX_URL: 'https://strong/simple',
    PIP_DEFAULT_TIMEOUT: '9',
    PIP_REQUIRE_VIRTUALENV: '1',
    PIP_CONFIG_FILE: '/h/pip.conf',
    PIP_USE_FEATURE: 'fast-deps truststore',
    PIP_CONSTRAINT: '/c',
    PIP_PROXY: '',
  };
  expect(pipEnvironment(env, settings)).toEqual({
    HOME: '/h',
    https_proxy: 'http://p',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_INDEX_URL: 'https://strong/simple',
    PIP_EXTRA_INDEX_URL: 'https://a https://b',
    PIP_CERT: '/with blank/ca.pem',
    PIP_TRUSTED_HOST: 'mirror',
    PIP_TIMEOUT: '9',
    PIP_USE_FEATURE: 'truststore',
  });
});

describe('a direct download that fails with', () => {
  const errorWith = (message: string, fields = {}) => Object.assign(new Error(message), fields);
  test.each([
    [errorWith('getaddrinfo ENOTFOUND x', { code: 'ENOTFOUND' }), {}, 'check the network'],
    [errorWith('self-signed certificate', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }), {}, 'NODE_EXTRA_CA_CERTS'],
    [errorWith('https://x answered 403 Forbidden', { status: 403 }), {}, 'HAET_TENSORFLOW_URL'],
    [errorWith('https://x answered 503', { status: 503 }), {}, 'wait until the server works'],
    [errorWith('Invalid URL', { code: 'ERR_INVALID_URL' }), {}, 'https:// URL of a folder'],
  ])('%s', (error, env, remedy) => {
    expect(explainDownload(error, env).remedy).toContain(remedy);
  });

  test('no connection where there is a proxy', () => {
    const error = errorWith('connect ETIMEDOUT', { code: 'ETIMEDOUT' });
    expect(explainDownload(error, { https_proxy: 'http://p' })).toEqual({
      reason: expect.stringContaining('without the proxy, which only pip uses'),
      remedy: null,
    });
  });
});

describe('an error of the operating system', () => {
  const cache = cacheFolder();
  const errorOf = (code: string, path: string, syscall = 'open') =>
    Object.assign(new Error(`${code}: some words, ${syscall} '${path}'`), { code, path, syscall });

  test.each([
    ['ENOSPC', /is full \(ENOSPC\): free some space there/],
    ['EDQUOT', /quota .*: free some space there/],
    ['EROFS', /is on a read-only file system \(EROFS\): make it writable/],
    ['EACCES', /cannot be written \(EACCES\): give yourself write permission/],
    ['EPERM', /cannot be written/],
    ['ENAMETOOLONG', /is too long .*: use a folder with a shorter path/],
    ['ELOOP', /symbolic links .* form a loop/],
    ['ENOTDIR', /is not a folder .*: move away/],
    ['EIO', /error of its hardware or driver .*dmesg/],
    ['ESTALE', /network file system .* mount it again/],
    ['ENOTCONN', /is not connected .*: mount it again/],
    ['EFBIG', /larger than allowed .*ulimit -f/],
  ])('%s says what helps, and advises HAET_CACHE only for the cache', (code, sentence) => {
    const inCache = explainSystemError(errorOf(code, `${cache}/downloads/x`), '/elsewhere');
    expect(inCache).toMatch(sentence);
    expect(inCache).toMatch(/\(or point HAET_CACHE at another folder\)/);
    const outside = explainSystemError(errorOf(code, '/srv/clone/dist'), '/elsewhere');
    expect(outside).toMatch(sentence);
    expect(outside).not.toMatch(/HAET_CACHE/);
  });

  test.each([
    ['EMFILE', /Too many files are open .*ulimit -n/],
    ['EAGAIN', /No further process .*ulimit -u/],
    ['ENOMEM', /not enough memory/],
  ])('%s is not of a folder', (code, sentence) => {
    const text = explainSystemError(errorOf(code, `${cache}/x`), '/elsewhere');
    expect(text).toMatch(sentence);
    expect(text).not.toMatch(/HAET_CACHE/);
  });

  test('in a program’s output is quoted, with the path of that line', () => {
    const output = `npm error code EACCES\nnpm error Error: EACCES: permission denied, mkdir '/home/u/.npm/_cacache'\n`;
    expect(explainSystemError(output, '/clone')).toBe(
      "/home/u/.npm/_cacache cannot be written (npm error Error: EACCES: permission denied, mkdir '/home/u/.npm/_cacache'): give yourself write permission and run the command again.",
    );
    expect(explainSystemError('OSError: [Errno 28] No space left on device', '/there')).toMatch(
      /^The disk that holds \/there is full \(OSError: \[Errno 28\] No space left on device\)/,
    );
  });

  test('that is none of the user’s is not explained', () => {
    expect(explainSystemError(new TypeError('x is not a function'), '/c')).toBeNull();
    expect(explainSystemError(errorOf('EACCES', '', 'connect'), '/c')).toBeNull();
    expect(explainSystemError('all is well', '/c')).toBeNull();
  });

  test('of a program that cannot be started names the program', () => {
    expect(explainSystemError('Error: spawn npm EACCES', '/c')).toMatch(
      /^npm could not be started \(EACCES\)/,
    );
  });
});
