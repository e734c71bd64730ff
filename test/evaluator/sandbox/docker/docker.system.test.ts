import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { createSandbox } from '../../../../evaluator/sandbox/createSandbox.ts';
import { createDockerSandbox } from '../../../../evaluator/sandbox/docker/docker.ts';
import { ownName, ownPrefix } from '../../../../evaluator/sandbox/ownNames.ts';
import type { StageSpec } from '../../../../evaluator/sandbox/sandbox.ts';
import { plainImage, processesWith, temporaryFolder, uniqueSeconds } from '../../fixtures.ts';

const { exitCode } = await execa('docker', ['image', 'inspect', plainImage], { reject: false });
const withEngine = exitCode === 0 ? describe : describe.skip;

const path = '/usr/local/bin:/usr/bin:/bin';
const stageOf = (script: string): StageSpec => ({
  argv: ['sh', '-c', script],
  cwd: '/',
  environment: { PATH: path, HAET_RUN_ID: 'docker-test' },
  progress: true,
  mounts: [],
  out: { host: tmpdir(), inside: '/out' },
  work: '/work',
  limits: {
    cpus: 1,
    memoryBytes: 2 ** 28,
    processes: 100,
    workBytes: 2 ** 24,
    outBytes: 2 ** 20,
    outFiles: 100,
  },
});

const ownContainers = `^haet-stage-${process.pid}-`;
const names = async (filter: string) =>
  (await execa('docker', ['ps', '--all', '--filter', `name=${filter}`, '--format', '{{.Names}}'])).stdout;
/** Returns the folders and open pipe ends of this process that belong to a stage. */
const pipes = () => [
  ...readdirSync(tmpdir()).filter(
    (name) => /^haet-(progress|profile)-/.test(name) && name.includes(`-${process.pid}-`),
  ),
  ...readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('haet-progress') ? [fd] : [];
    } catch {
      return [];
    }
  }),
];

const compiled = pathToFileURL(resolve('dist/evaluator/sandbox/docker/docker.js')).href;
/** Starts a process that creates the sandbox and then runs a script; its own error message is its output. */
const evaluator = (script: string, environment: Record<string, string> = {}) =>
  spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `try {
        const { createDockerSandbox } = await import('${compiled}');
        const sandbox = await createDockerSandbox('${plainImage}');
        ${script}
      } catch (error) { process.stdout.write(error.name + ': ' + error.message); }`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...environment } },
  );

/** Writes a `docker` that edits its arguments with a sed program and passes them on. */
async function changedClient(change: string): Promise<Record<string, string>> {
  const folder = await temporaryFolder();
  const { stdout: real } = await execa('sh', ['-c', 'command -v docker']);
  await writeFile(
    join(folder, 'docker'),
    `#!/bin/bash\nwords=()\nfor word; do words+=("$(sed '${change}' <<< "$word")"); done\nexec ${real} "\${words[@]}"\n`,
    { mode: 0o755 },
  );
  return { PATH: `${folder}:${process.env.PATH}` };
}

withEngine('the Docker sandbox', () => {
  test('its engine is queried with the whole environment of the evaluator, and the entry gets none of it', async () => {
    const home = await temporaryFolder();
    await mkdir(join(home, '.docker'));
    await writeFile(
      join(home, '.docker/config.json'),
      JSON.stringify({
        currentContext: 'nowhere',
        proxies: { default: { httpProxy: 'http://proxy.invalid:1' } },
      }),
    );
    const spec = { ...stageOf(''), argv: ['env'], progress: false };
    const child = evaluator(
      `const stage = await sandbox.start(${JSON.stringify(spec)});
      stage.stdout.pipe(process.stdout);
      await stage.exited;
      await stage.kill();`,
      { HOME: home, DOCKER_CONTEXT: 'default' },
    );
    const said = (await text(child.stdout)).trim().split('\n').sort();
    expect(said).toEqual(['HAET_RUN_ID=docker-test', `PATH=${path}`]);
  });

  test('the entry neither sees nor signals the process that holds its container', async () => {
    const sandbox = await createDockerSandbox(plainImage);
    const stage = await sandbox.start(stageOf('ls /proc/1/fd || kill -9 1 || echo kept; id -G'));
    const said = await text(stage.stdout);
    expect(await stage.exited).toMatchObject({ exitCode: 0 });
    await stage.kill();
    expect(said).toMatch(process.getuid?.() === 0 ? /^kept\n64001\n$/ : /^kept\n/);
  });

  test('an entry that keeps every reachable pipe open ends with an evaluator that is killed', async () => {
    const seconds = uniqueSeconds();
    const grab = `for each in 0 1 2; do sh -c "exec 9>/proc/1/fd/$each; exec sleep ${seconds}" & done; sleep 0.3; echo up; exec sleep ${seconds}`;
    const child = evaluator(
      `const stage = await sandbox.start(${JSON.stringify(stageOf(grab))});
      stage.stdout.once('data', () => process.stdout.write('up'));
      setInterval(() => {}, 1000);`,
    );
    expect(String(await once(child.stdout, 'data'))).toBe('up');
    const sleepers = () => processesWith(seconds).filter((command) => command.startsWith('sleep'));
    for (let waited = 0; waited < 5000 && sleepers().length === 0; waited += 20) await sleep(20);
    expect(sleepers().length).toBeGreaterThan(0);
    child.kill('SIGKILL');
    for (let waited = 0; waited < 10_000 && sleepers().length > 0; waited += 20) await sleep(20);
    expect(sleepers()).toEqual([]);
  });

  test('a container that ends by itself is a fault of the sandbox, a failing entry is not', async () => {
    const sandbox = await createDockerSandbox(plainImage);
    const failing = await sandbox.start(stageOf('exit 3'));
    expect(await failing.exited).toMatchObject({ exitCode: 3 });
    await failing.kill();

    const stage = await sandbox.start(stageOf('echo up; exec sleep 100'));
    await once(stage.stdout, 'data');
    await execa('docker', ['kill', await names(ownContainers)]);
    await expect(stage.exited).rejects.toThrow(/ended by itself/);
    await stage.kill();
    stage.progress?.destroy();
    expect(await names(ownContainers)).toBe('');
  });

  test('a failed start leaves no container, no folder and nothing open', async () => {
    const sandbox = await createDockerSandbox(plainImage);
    const mounts = [{ host: '/nowhere/at/all', inside: '/entry' }];
    await expect(sandbox.start({ ...stageOf('true'), mounts })).rejects.toThrow(
      /could not make the container/,
    );
    const noFolder = { ...stageOf('true'), limits: { ...stageOf('').limits, memoryBytes: 1 } };
    await expect(sandbox.start(noFolder)).rejects.toThrow(/could not make the container/);
    await sleep(100);
    expect(pipes()).toEqual([]);
    expect(await names(ownContainers)).toBe('');
  });

  test('leftovers of killed evaluators are removed, and those of living ones are kept', async () => {
    const dead = spawn('true');
    await once(dead, 'exit');
    const create = (name: string) => execa('docker', ['create', '--name', name, plainImage, 'true']);
    const kept = `${ownName('stage')}-kept`;
    const leftName = (kind: string) => ownPrefix(kind).replace(/\d+-\d+/, `${dead.pid}-5`);
    await create(`${leftName('stage')}left`);
    await create(kept);
    const folder = await mkdtemp(join(tmpdir(), leftName('progress')));
    await createDockerSandbox(plainImage);
    expect(await names(`^haet-stage-${dead.pid}-`)).toBe('');
    expect(readdirSync(tmpdir())).not.toContain(folder.split('/').at(-1));
    expect(await names(kept)).toBe(kept);
    await execa('docker', ['rm', kept]);
  });

  test.each([
    ['counts processes elsewhere', 's/{{.State.Pid}} {{.Id}}/1 {{.Id}}/', /engine is not on this machine/],
    ['sets another limit on processes', 's/^17$/18/', /the limit on processes is not set \(18\)/],
    ['sets another limit on memory', `s/^${2 ** 26}$/${2 ** 27}/`, /the limit on memory is not set/],
    [
      'filters no system calls',
      's/^seccomp=.*/seccomp=unconfined/',
      /system calls are not filtered \(Seccomp: 0\)/,
    ],
    ['remaps users', 's/^64001:64001$/64002:64002/', /could not write to its output folder/],
  ])('an engine that %s is rejected in one sentence', async (_, change, sentence) => {
    if (process.getuid?.() !== 0 && change.includes('64001')) return;
    const said = await text(evaluator('', await changedClient(change)).stdout);
    expect(said).toMatch(/^UserError: .*\.$/);
    expect(said).toMatch(sentence);
  });

  test('a stage runs on the number of CPUs it is given, with few open files and no core dumps', async () => {
    const sandbox = await createDockerSandbox(plainImage);
    const stage = await sandbox.start(stageOf('nproc; ulimit -c; ulimit -Hc; ulimit -Hn'));
    const said = (await text(stage.stdout)).trim().split('\n');
    await stage.kill();
    expect(said.slice(0, 3)).toEqual(['1', '0', '0']);
    expect(Number(said[3])).toBeLessThanOrEqual(65_536);
  });

  test('a runtime is passed to the engine and recorded; one that the engine does not know is rejected', async () => {
    const runtime = 'io.containerd.runc.v2'; // another name for the usual one
    const sandbox = await createDockerSandbox(plainImage, runtime);
    expect(sandbox.contains).toContain(`Containers are run by ${runtime}.`);
    const stage = await sandbox.start(stageOf('sleep 100'));
    const format = '{{.HostConfig.Runtime}}';
    const { stdout } = await execa('docker', ['inspect', '--format', format, await names(ownContainers)]);
    await stage.kill();
    stage.progress?.destroy();
    expect(stdout).toBe(runtime);
    await expect(createDockerSandbox(plainImage, 'runsc-is-not-here')).rejects.toThrow(
      /^--runtime runsc-is-not-here: the Docker engine knows .*runc.* Install it and name it/,
    );
    await expect(createSandbox('bubblewrap', { runtime })).rejects.toThrow(
      `--runtime ${runtime} goes with --sandbox docker, not with bubblewrap.`,
    );
  });
});
