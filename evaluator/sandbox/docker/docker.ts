// Theory of operation
//
// Each stage gets a container of its own: no network, a read-only root, no capabilities and no way to gain any, our
// profile of system calls (profile.ts), memory without swap, processes and CPUs held by its control group.
//
// The container's first process is a `cat` on a pipe that only we hold, started before the clock: when the clock starts,
// the image is there, the mounts are made and only `docker exec` is left to do. If we die, in whatever way, `cat` reads
// the end of the pipe and exits, and the kernel kills the rest of the container. It also keeps the control group alive
// until we have read its counters. It runs as another user than the entry, which can therefore neither signal it nor
// hold its pipe open through /proc after our death.
//
// The kill is that of killing.ts on the container's control group, if this user may freeze and signal its processes;
// otherwise `docker kill` by name. It is over when the control group is empty; the container is then confirmed gone.
// Killing the client of `docker exec` would end nothing.
//
// `docker exec` passes on only the three standard descriptors, so progress lines go through a named pipe.

import { execa } from 'execa';
import { readLimitHits } from '../linux/groupCounters.ts';
import { processesIn } from '../linux/groupFolders.ts';
import { createPageCache } from '../linux/pageCache.ts';
import { stageUser, type UserNames, userFiles } from '../nameFiles.ts';
import { sweepOwnFolders } from '../ownNames.ts';
import { countProcessesLeft } from '../processesLeft.ts';
import { programNotFound } from '../requireProgram.ts';
import type { RunningStage, Sandbox, StageSpec } from '../sandbox.ts';
import { type StartedChild, startChild } from '../startChild.ts';
import { startContainer } from './container.ts';
import { execWords, isRoot } from './containerWords.ts';
import { type Base, defaultImage, findBase, removeLeftContainers } from './engine.ts';
import { watchFirstProcess } from './firstProcess.ts';
import { probeEngine } from './probeEngine.ts';
import { makeProgressPipe } from './progressPipe.ts';
import { writeNameFiles } from './writeNameFiles.ts';
import { profile } from './writeProfile.ts';

/**
 * Creates the Docker sandbox, on an engine of this machine.
 * @param image name of an image with the runtime of the entries; run by its content, whatever the name means later
 * @param runtime what the engine runs containers by (`docker run --runtime`); its default if none is named
 * @throws UserError if the engine, the image or the runtime is missing, or the engine cannot run entries
 */
export async function createDockerSandbox(image = defaultImage, runtime?: string): Promise<Sandbox> {
  const base = await findBase(image, runtime);
  const users = await probeEngine(base);
  await removeLeftContainers();
  await sweepOwnFolders();
  // Only root may read the files of an image, or have the whole cache dropped.
  const pageCache = await createPageCache([], 'the image');
  return {
    kind: 'docker',
    fenced: true,
    image: base.image,
    holds: { memory: true, processes: true, cpus: true, output: isRoot, network: true, files: true },
    shows: [],
    pageCache,
    contains: [
      'One container per stage: no network, read-only root, no capabilities; memory without swap, processes and CPUs held by its control group, on as many CPUs as it is given, always the same.',
      profile === null
        ? `System calls are filtered as the engine does it: there is no profile for ${process.arch}.`
        : 'System calls are filtered by the table that bubblewrap has too.',
      isRoot
        ? 'The output folder is a file system in memory with a size and a number of files.'
        : 'The output folder has no quota on disk; it is polled several times per second.',
      ...(runtime === undefined ? [] : [`Containers are run by ${runtime}.`]),
      pageCache.contains,
    ].join(' '),
    start: (spec) => startStage(spec, base, users),
  };
}

async function startStage(spec: StageSpec, base: Base, users: UserNames): Promise<RunningStage> {
  const made = new Made();
  let discard = () => {};
  const pipe = spec.progress ? await makeProgressPipe() : null;
  if (pipe !== null) made.add(pipe.close);
  try {
    const names = await writeNameFiles(userFiles(stageUser, spec.work, users));
    made.add(names.remove);
    const container = await startContainer(spec, base, { pipe: pipe?.path ?? null, names: names.mounts });
    made.add(container.remove);
    discard = container.output.discard;
    await requireProgramInside(spec, container.name);
    const stage = await startChild(['docker', ...execWords(spec, container.name)], {
      // The client's own, which says what engine to ask; the entry's goes by `env`.
      environment: process.env as Record<string, string>,
      progress: false,
      cwd: '/',
    });
    made.add(() => ended(stage));
    const first = watchFirstProcess(container.group, container.init);
    made.add(async () => first.stop());
    let endedAt = Number.POSITIVE_INFINITY;
    first.ended.then((at) => {
      endedAt = at;
    });
    let killed = false;
    // The client also fails where it loses the engine, and that is no status of the entry's.
    const exited = stage.exited.then(async (exit) => {
      if (exit.exitCode === 0 || killed || (await container.lives()) || killed)
        return { ...exit, at: Math.min(exit.at, endedAt) };
      throw new Error(`the container ${container.name} or its engine ended by itself while a stage ran`);
    });
    exited.catch(() => {}); // whoever waits for it is told
    return {
      ...stage,
      progress: pipe?.reader ?? null,
      proc: '/proc',
      processes: container.processes,
      output: container.output,
      exited,
      ended: first.ended,
      async kill() {
        killed = true;
        const processesKilled = container.processes().length;
        const limitHits = readLimitHits(container.group);
        try {
          const times = await container.kill();
          const processesLeft = countProcessesLeft(
            spec.environment.HAET_RUN_ID,
            processesIn(container.group),
          );
          return { ...times, processesKilled, processesLeft, limitHits };
        } finally {
          await made.undo();
        }
      },
    };
  } catch (error) {
    pipe?.reader.destroy();
    discard();
    await made.undo().catch(() => {});
    throw error;
  }
}

/** Not `command -v`, which also finds what is built into the shell. Ends with status 1 if there is no such program. */
const findProgram =
  'case $1 in */*) PATH=.; esac; IFS=:; for at in $PATH; do case $1 in /*) at=; esac; [ -f "$at/$1" ] && [ -x "$at/$1" ] && exit 0; done; exit 1';

/**
 * As in the other sandboxes, a missing program is no exit status of the entry's.
 * @throws ProgramNotFound
 */
async function requireProgramInside(spec: StageSpec, container: string): Promise<void> {
  const look: StageSpec = {
    ...spec,
    argv: ['sh', '-c', findProgram, 'find', spec.argv[0]],
    progress: false,
  };
  const { exitCode } = await execa('docker', execWords(look, container), { reject: false });
  if (exitCode === 1) throw programNotFound(spec);
}

/** Records what has been made so far, to undo it newest first. */
class Made {
  private readonly steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.steps.push(step);
  }

  /** Takes every step once, even if one fails. @throws the first failure */
  async undo(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.steps.splice(0).reverse()) await step().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

/** Waits for the client of `docker exec`, which ends with what it started, and kills it if it hangs. */
async function ended({ child, exited }: StartedChild): Promise<void> {
  const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited.catch(() => {});
  clearTimeout(patience);
}
