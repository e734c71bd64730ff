import { once } from 'node:events';
import { chownSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { entryUser } from '../entryUser.ts';
import { killAll, signalQuietly } from '../killing.ts';
import { type ControlGroup, createControlGroup } from '../linux/controlGroup.ts';
import { type CpuSet, cpusOfStage, createCpuSet } from '../linux/cpuSet.ts';
import { readLimitHits } from '../linux/groupCounters.ts';
import { processesIn, setFrozen } from '../linux/groupFolders.ts';
import { holdProcessNamespace, readProcess } from '../linux/procfs.ts';
import { ownName } from '../ownNames.ts';
import { countProcessesLeft } from '../processesLeft.ts';
import { requireProgram } from '../requireProgram.ts';
import type { Mount, RunningStage, StageSpec } from '../sandbox.ts';
import { outputInMemory, type StageOutput, wallOf } from '../stageOutput.ts';
import { type StartedChild, startChild } from '../startChild.ts';
import { waitUntil } from '../waitUntil.ts';
import { callFilter, controls, enterWords, isRoot, madeFiles, wrapWords } from './wrapWords.ts';

/**
 * Starts a stage as bubblewrap.ts describes it.
 * @param limited whether a control group holds it
 * @param holdsCpus whether its CPUs are held too
 */
export async function startStage(
  spec: StageSpec,
  mounts: readonly Mount[],
  { limited, holdsCpus }: { limited: boolean; holdsCpus: boolean },
): Promise<RunningStage> {
  const entry = spec.mounts.find((mount) => mount.inside === spec.cwd);
  requireProgram({
    ...spec,
    cwd: entry?.host ?? spec.cwd,
    environment: { PATH: shownPath(spec, mounts) },
  });
  const name = ownName('stage');
  const cpus = spec.cpuSet ?? cpusOfStage(spec.limits.cpus);
  let group: ControlGroup | null = null;
  let cpuSet: CpuSet | null = null;
  try {
    if (limited) group = createControlGroup(name, spec.limits);
    if (group !== null && holdsCpus) cpuSet = createCpuSet(name, group.folders.cpu, cpus);
    const entrances = [...(group?.entrances ?? []), ...(cpuSet?.entrance ? [cpuSet.entrance] : [])];
    const words = [...enterWords(entrances), 'taskset', '-c', cpus.join(','), ...wrapWords(spec, mounts)];
    const files = madeFiles(spec);
    const stage = await startChild(words, { ...spec, cwd: '/' }, controls.length + files.length);
    let init: number | null = null;
    try {
      const [info, gate] = stage.further;
      // If bwrap ends early, its own message says more than a broken pipe.
      for (const each of stage.further) each.on('error', () => {});
      if (callFilter !== null) stage.further[2]!.end(callFilter);
      for (const [index, { content }] of files.entries())
        stage.further[controls.length + index]!.end(content);
      init = await firstProcess(info!, stage.stderr, stage.exited);
      const output = await madeOutput(init, spec, stage);
      if (isRoot) {
        await giveToEntry(init, spec, output).catch((error) => {
          output.discard();
          throw error;
        });
      }
      const startedAt = performance.now();
      gate!.end('!'); // one byte is read
      return {
        ...stage,
        ...heldStage(stage, init, group, cpuSet, spec.environment.HAET_RUN_ID),
        startedAt,
        output,
      };
    } catch (error) {
      stage.child.kill('SIGKILL');
      await stage.exited.catch(() => {});
      // The first process inside does not die with bwrap before the gate is open.
      if (init !== null) signalQuietly(init, 'SIGKILL');
      throw error;
    }
  } catch (error) {
    // What went wrong first says more than what then could not be removed.
    await group?.remove().catch(() => {});
    await cpuSet?.remove().catch(() => {});
    throw error;
  }
}

/** Returns PATH without the folder of our Node if only Node is mounted there and another program is asked for. */
function shownPath({ argv, environment }: StageSpec, mounts: readonly Mount[]): string {
  const { PATH = '' } = environment;
  const isAlone = mounts.some(({ host }) => host === process.execPath);
  if (!isAlone || argv[0] === 'node') return PATH;
  return PATH.split(':')
    .filter((folder) => folder !== dirname(process.execPath))
    .join(':');
}

/** Opens the output folder as soon as bwrap has made it, which it does before it waits. */
async function madeOutput(init: number, spec: StageSpec, stage: StartedChild): Promise<StageOutput> {
  let refusal: unknown;
  let output: StageOutput | null = null;
  await waitUntil(() => {
    try {
      output = outputInMemory(init, spec.out, wallOf(spec.limits).bytes);
      return true;
    } catch (error) {
      if (stage.child.exitCode !== null || stage.child.signalCode !== null)
        throw new Error(complaint(stage.stderr));
      refusal = error;
      return false;
    }
  }, 10);
  if (output === null) throw refusal;
  return output;
}

/**
 * Gives the output folder to the entry and limits the number of its files, for which bwrap has no option. With `--root`,
 * because for a moment after bwrap changed its root the old one still covers it, and has no program `mount`.
 */
async function giveToEntry(init: number, { out, limits }: StageSpec, output: StageOutput): Promise<void> {
  chownSync(output.path, entryUser, entryUser);
  await execa('nsenter', [
    ...['--target', String(init), '--mount', '--root', '--'],
    ...['mount', '--internal-only', '--no-mtab', '--types', 'tmpfs'],
    ...['--options', `remount,nr_inodes=${wallOf(limits).files}`, 'tmpfs', out.inside],
  ]);
}

function heldStage(
  stage: StartedChild,
  init: number,
  group: ControlGroup | null,
  cpuSet: CpuSet | null,
  runId: string | undefined,
): Pick<RunningStage, 'proc' | 'processes' | 'kill'> {
  const ours = [stage.child.pid, init];
  const namespace = holdProcessNamespace(init);
  const processes = () =>
    (group === null ? namespace.list() : processesIn(group.folders))
      .filter((pid) => !ours.includes(pid))
      .flatMap((pid) => readProcess('/proc', pid) ?? []);
  return {
    proc: '/proc',
    processes,
    async kill() {
      const processesKilled = processes().length;
      const limitHits = group === null ? null : readLimitHits(group.folders);
      const times = await killAll(
        group === null
          ? { list: namespace.list, isGone: () => readProcess('/proc', init) === null }
          : {
              list: () => processesIn(group.folders),
              setFrozen: (frozen) => setFrozen(group.folders, frozen),
            },
      );
      stage.child.kill('SIGKILL');
      await stage.exited;
      const held = group === null ? [] : processesIn(group.folders);
      const processesLeft = countProcessesLeft(runId, [...held, ...namespace.list()]);
      namespace.release();
      await group?.remove();
      await cpuSet?.remove();
      return { ...times, processesKilled, processesLeft, limitHits };
    },
  };
}

/** Returns the id of the namespace's first process on this machine, which bwrap prints when it has made it. */
async function firstProcess(info: Readable, stderr: Readable, exited: Promise<unknown>): Promise<number> {
  let text = '';
  info.on('data', (chunk) => {
    text += chunk;
  });
  await Promise.race([once(info, 'close'), exited]);
  const pid = /"child-pid": (\d+)/.exec(text)?.[1];
  if (pid === undefined) {
    throw new Error(complaint(stderr));
  }
  return Number(pid);
}

function complaint(stderr: Readable): string {
  return `bwrap could not make the sandbox: ${String(stderr.read() ?? 'it does not say why').trim()}`;
}
