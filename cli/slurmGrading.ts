import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../datasets/userError.ts';
import type { Canary } from '../evaluator/grade/canary/canary.ts';
import { runsFolder } from '../evaluator/grade/gradedFolders.ts';
import { evaluatorCommit } from '../evaluator/machine/commit.ts';
import { lockFolder } from '../evaluator/machine/lockFolder.ts';
import { describeMachine } from '../evaluator/machine/machine.ts';
import { runtimePlaces, tensorflowFolder } from '../evaluator/machine/runtime.ts';
import { version } from '../evaluator/machine/version.ts';
import type { RunRecord } from '../evaluator/run/record.ts';
import type { SandboxKind } from '../evaluator/sandbox/createSandbox.ts';
import { cancelGrading } from '../evaluator/slurm/cancelGrading.ts';
import { tensorflowDigest } from '../evaluator/slurm/nodeCheck.ts';
import { createSlurmCanary } from '../evaluator/slurm/slurmCanary.ts';
import { createSlurmExecutor, type SlurmExecutor } from '../evaluator/slurm/slurmExecutor.ts';
import { supersededRuns } from '../evaluator/slurm/superseded.ts';
import { timesFrom } from '../evaluator/slurm/times.ts';
import type { ExecutorOptions } from './options/executorOptions.ts';
import type { ContainerOptions } from './options/sandboxOptions.ts';
import type { SlurmView } from './slurmView.ts';
import { tell } from './terminal.ts';

/** Folder of the array jobs in the folder of a grading or a study. */
const batchesIn = (outFolder: string): string => join(outFolder, 'slurm');

/** Creates the executor that submits to Slurm. */
export async function slurmExecutorOf(
  options: ExecutorOptions & ContainerOptions & { imagesKey?: string; waitForQuiet: number },
  plan: {
    readonly outFolder: string;
    readonly kind: SandboxKind;
    readonly cpus: number | undefined;
    readonly memoryBytes: number | undefined;
    /** Image of the committed terms; null: any, but the same on all nodes. */
    readonly image: string | null;
    readonly secrets: readonly (string | undefined)[];
    readonly canary: Canary | null;
  },
  view: SlurmView,
): Promise<SlurmExecutor> {
  const commit = await evaluatorCommit();
  const evaluator = { version, commit };
  const hidden = plan.secrets.filter((path) => path !== undefined).map((path) => resolve(path));
  const executor = createSlurmExecutor(
    {
      folder: batchesIn(plan.outFolder),
      options: { words: options.slurmOption ?? [], parallel: options.parallel ?? null },
      sandbox: { kind: plan.kind, image: options.image, runtime: options.runtime ?? null },
      imagesKey: options.imagesKey === undefined ? null : resolve(options.imagesKey),
      cpus: plan.cpus ?? null,
      memoryBytes: plan.memoryBytes ?? null,
      quietSeconds: options.waitForQuiet,
      expected: {
        ...{ version, commit, image: plan.image, hidden },
        tensorflow: await tensorflowDigest(tensorflowFolder(runtimePlaces().packages)),
        signed: plan.secrets[0] !== undefined,
      },
      evaluator,
      canary: plan.canary === null ? undefined : await canaryOnSlurm(plan.canary, plan.kind, evaluator),
      detach: options.detach ?? false,
      times: timesFrom(process.env),
    },
    { warn: view.tell, view: view.show },
  );
  await executor.endLeftovers();
  return executor;
}

/** Nodes see the folder of the grading, but not every other one: the archive is copied there. */
async function canaryOnSlurm(canary: Canary, kind: SandboxKind, evaluator: RunRecord['evaluator']) {
  const { outFolder, archive, terms } = canary;
  const folder = join(batchesIn(outFolder), `canary-${terms.archiveSha256.slice(0, 16)}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const copy = join(folder, basename(archive));
  if (!existsSync(copy)) {
    await copyFile(archive, `${copy}.part`);
    await rename(`${copy}.part`, copy); // a node may be reading it
  }
  return createSlurmCanary({ ...canary, archive: copy }, kind, evaluator);
}

/** Says which runs came back from the cluster too late to count. */
export async function tellSuperseded(outFolder: string): Promise<void> {
  for (const folder of await supersededRuns(outFolder)) {
    tell(`${folder}: superseded; it came back when its attempt had been decided, and does not count.`);
  }
}

/**
 * `--cancel` of `haet grade` and `haet study`.
 * @param what is in the folder, for the message
 * @throws UserError if the folder has no runs, or is in use
 */
export async function cancelRunsIn(out: string, what: 'grading' | 'study'): Promise<void> {
  const outFolder = resolve(out);
  if (!existsSync(runsFolder(outFolder))) {
    throw new UserError({
      option: '--cancel',
      path: outFolder,
      reason: 'holds no runs',
      remedy: `Give the --out of the ${what}.`,
    });
  }
  const unlock = lockFolder(outFolder);
  try {
    await cancelRuns(outFolder);
  } finally {
    unlock();
  }
}

async function cancelRuns(outFolder: string): Promise<void> {
  const evaluator = { version, commit: await evaluatorCommit() };
  const facts = { machine: await describeMachine(), evaluator };
  const { stopped, kept } = await cancelGrading(outFolder, batchesIn(outFolder), facts);
  tell(
    `Stopped ${stopped} runs that were given to Slurm.`,
    ...(kept > 0 ? [`Took in ${kept} that had ended. Run the command without --cancel to score them.`] : []),
  );
}
