import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { execa } from 'execa';
import { z } from 'zod';
import { cacheFolder } from '../../datasets/cacheFolder.ts';
import { debianFolder } from '../../datasets/sources/fashionMnist.ts';
import type { UserError } from '../../datasets/userError.ts';
import { cifar10InUsualPlaces, fashionMnistInUsualPlaces, usualPlaces } from '../../datasets/usualPlaces.ts';
import { whyNotWritable } from '../../datasets/whyNotWritable.ts';
import { type Grant, readGrant, readProcessor, readSystemFile } from '../../evaluator/machine/machine.ts';
import { type Finding, findDoubts } from '../../evaluator/machine/machineDoubts.ts';
import { runtimeIsReady, runtimePlaces } from '../../evaluator/machine/runtime.ts';
import { namespaceFlags } from '../../evaluator/sandbox/process/namespace.ts';
import { requireTemporaryFolder } from '../../evaluator/sandbox/requireTemporaryFolder.ts';
import { gpuFinding } from '../gpuFinding.ts';
import { linesOf, say, sayJson } from '../terminal.ts';

/** A group of lines under one heading. */
interface Section {
  readonly title: string;
  readonly findings: readonly Finding[];
}

/** `haet check-machine`: reports what a run will find here and what to fix first. Changes nothing. */
export function checkMachineCommand(command: Command): void {
  command
    .option('--json', 'write the findings as one line of JSON on standard output')
    .addHelpText('after', '\nExample:\n  $ haet check-machine\n')
    .action(async ({ json }: { json?: boolean }) => {
      const sections = await inspect();
      if (json) sayJson(sections);
      else say(...linesOf(formatSections(sections)));
    });
}

async function inspect(): Promise<Section[]> {
  const grant = readGrant(readSystemFile);
  return [
    { title: 'Software', findings: [node(), ...(await tensorflow()), allocator()] },
    { title: 'Hardware', findings: [...processor(), cores(grant), memory(grant)] },
    { title: 'Timing', findings: findDoubts(readSystemFile) },
    { title: 'Data', findings: [...(await data()), await temporary()] },
    { title: 'Sandbox', findings: [await namespaces()] },
  ];
}

function node(): Finding {
  return { name: 'Node', value: process.versions.node, remedy: null };
}

/** The output of submission/describeMachine.ts. */
const tensorflowSchema = z.object({
  version: z.string(),
  gpu: z.boolean(),
  gpuBuild: z.boolean().describe('whether TensorFlow is its build for GPUs'),
  paths: z.array(z.object({ engine: z.string(), bfloat16: z.boolean() })).min(1),
  whyNotNative: z.string().nullable().describe('null if the native ops can be used'),
});
type TensorflowFacts = z.infer<typeof tensorflowSchema>;

/** Names the ops that the reference submission trains with here; of several it measures which are faster. */
function trainingOps({ paths, gpu, whyNotNative }: TensorflowFacts): string {
  const names = paths.map(
    ({ engine, bfloat16 }) =>
      `${engine === 'stock' ? "TensorFlow's" : engine}, in ${bfloat16 ? 'bfloat16' : 'float32'}`,
  );
  if (names.length > 1) return `${names.join('; or ')}: a run measures them and uses the fastest`;
  return gpu || whyNotNative === null ? names[0]! : `${names[0]} (no native ops: ${whyNotNative})`;
}

/** Queries a child process, because this process never loads TensorFlow. */
async function tensorflow(): Promise<Finding[]> {
  const places = runtimePlaces();
  if (!runtimeIsReady(places)) {
    return [
      {
        name: 'TensorFlow',
        value: 'not set up; only the reference submission and entries in TensorFlow.js need it',
        remedy: 'run `haet setup`, or let the first dry run of the reference submission do it',
      },
    ];
  }
  const program = join(places.submission, 'describeMachine.js');
  const { stdout, stderr } = await execa(process.execPath, [program], {
    env: { TF_CPP_MIN_LOG_LEVEL: '3' },
    timeout: 60_000,
    reject: false,
  });
  const facts = factsIn(stdout.split('\n').at(-1)!);
  if (facts !== null) {
    return [
      { name: 'TensorFlow', value: facts.version, remedy: null },
      { name: 'device', value: facts.gpu ? 'GPU' : 'CPU', remedy: null },
      ...(facts.gpuBuild ? [await gpu()] : []),
      { name: 'training ops', value: trainingOps(facts), remedy: null },
    ];
  }
  const reason = stderr.split('\n').find((line) => line.includes('Error')) ?? 'no output';
  return [
    {
      name: 'TensorFlow',
      value: `does not load (${reason.trim()})`,
      remedy: 'run `haet setup`',
    },
  ];
}

/** Computes every block on the GPU and on the CPU; the program limits its own time. */
async function gpu(): Promise<Finding> {
  const program = join(runtimePlaces().submission, 'gpuProof/main.js');
  const { stdout } = await execa(process.execPath, [program], { reject: false });
  return gpuFinding(stdout.split('\n').at(-1)!);
}

function factsIn(line: string): TensorflowFacts | null {
  try {
    return tensorflowSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

/** TensorFlow frees and allocates every activation in every step, so the allocator affects the step time. */
function allocator(): Finding {
  const loaded = /(jemalloc|tcmalloc|mimalloc)/.exec(readSystemFile('/proc/self/maps') ?? '')?.[1];
  if (loaded) return { name: 'allocator', value: `${loaded}, preloaded`, remedy: null };
  // Without this the report looks up the name of every open connection, which can take seconds.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const tuned = process.env['MALLOC_MMAP_THRESHOLD_'] !== undefined;
  const glibc = `glibc ${header.glibcVersionRuntime ?? '(version unknown)'}`;
  return {
    name: 'allocator',
    value: `${glibc}${tuned ? ', thresholds raised' : ' (the reference submission raises its thresholds and asks for large pages itself)'}`,
    remedy: null,
  };
}

function processor(): Finding[] {
  const { model, features } = readProcessor(readSystemFile);
  const bfloat16 = ['amx_bf16', 'avx512_bf16', 'bf16'].some((flag) => features.includes(flag));
  return [
    { name: 'CPU', value: model, remedy: null },
    {
      name: 'CPU features',
      value: `${features.join(' ') || 'none relevant'}; bfloat16 ${bfloat16 ? 'in hardware' : 'not in hardware'}`,
      remedy: ['avx2', 'asimd'].some((flag) => features.includes(flag))
        ? null
        : 'TensorFlow needs AVX2 and FMA to be fast, or NEON on arm64: use a processor from 2015 or later',
    },
  ];
}

function cores({ cores, affinity, present, quota }: Grant): Finding {
  const limits = [
    affinity < present ? `affinity allows ${affinity}` : null,
    quota !== null ? `quota allows ${quota.toFixed(2)}` : null,
  ].filter((limit) => limit !== null);
  const value = `${cores} of ${present}${limits.length > 0 ? ` (${limits.join(', ')})` : ''}`;
  return { name: 'cores granted', value, remedy: null };
}

function memory({ memoryBytes, memoryTotalBytes, memoryLimitBytes }: Grant): Finding {
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const limited =
    memoryLimitBytes === null
      ? ''
      : `, limited by the control group; the machine has ${gigabytes(memoryTotalBytes)}`;
  return {
    name: 'memory granted',
    value: `${gigabytes(memoryBytes)}${limited}`,
    remedy:
      memoryBytes < 4 * 2 ** 30
        ? 'ResNet-9 at full width needs 4 GiB: grant more memory or set a smaller width'
        : null,
  };
}

async function data(): Promise<Finding[]> {
  const cache = cacheOrNull();
  const named = process.env['HAET_CIFAR10'];
  const cached = cache === null ? undefined : join(cache, 'cifar-10-binary.tar.gz');
  const size = (file: string) => {
    const facts = statSync(file);
    return facts.isDirectory() ? '' : ` (${Math.round(facts.size / 1e6)} MB)`;
  };
  const found = [named, cached, ...cifar10InUsualPlaces()].find(
    (file) => file !== undefined && existsSync(file),
  );
  const fashion = existsSync(debianFolder) ? debianFolder : fashionMnistInUsualPlaces();
  return [
    {
      name: 'CIFAR-10',
      value: found
        ? `${found}${size(found)}`
        : named
          ? `HAET_CIFAR10 names ${named}, which does not exist`
          : `not found; looked in ${[cache, ...usualPlaces()].join(', ')}`,
      remedy: found
        ? null
        : 'set HAET_CIFAR10 to cifar-10-binary.tar.gz, cifar-10-python.tar.gz or the folder of Parquet files; without it a dry run downloads it or uses synthetic images',
    },
    {
      name: 'Fashion-MNIST',
      value: fashion ?? 'not found',
      remedy: fashion !== null ? null : 'on Debian: sudo apt install dataset-fashion-mnist',
    },
    await cacheFinding(cache),
  ];
}

function cacheOrNull(): string | null {
  try {
    return cacheFolder();
  } catch {
    return null;
  }
}

async function cacheFinding(cache: string | null): Promise<Finding> {
  const name = 'cache folder';
  const remedy =
    'set HAET_CACHE to a folder that you can write to; without it nothing is kept for the next run';
  if (cache === null)
    return { name, value: 'none, because HOME is not set and this user has no home', remedy };
  const reason = await whyNotWritable(cache);
  const value = existsSync(cache) ? cache : `${cache} (not created yet)`;
  return reason === null
    ? { name, value, remedy: null }
    : { name, value: `${value}: cannot be written to (${reason})`, remedy };
}

/** A run makes copies of images there. */
async function temporary(): Promise<Finding> {
  const unusable = await requireTemporaryFolder().then(
    () => null,
    (error: UserError) => error,
  );
  return {
    name: 'temporary folder',
    value: unusable === null ? tmpdir() : `${tmpdir()}: ${unusable.reason}`,
    remedy: unusable?.remedy ?? null,
  };
}

async function namespaces(): Promise<Finding> {
  const flags = await namespaceFlags();
  if (flags !== null) {
    const how = flags.unshare.includes('--user') ? ' (inside a user namespace)' : '';
    return { name: 'process namespaces', value: `work${how}`, remedy: null };
  }
  return {
    name: 'process namespaces',
    value: 'not allowed',
    remedy:
      'install util-linux and allow them (sysctl kernel.unprivileged_userns_clone=1, or run as root); without them, processes are killed by walking the process tree',
  };
}

/** Formats a table with aligned names and values; a remedy is on its own line below the finding. */
export function formatSections(sections: readonly Section[]): string {
  const width = Math.max(...sections.flatMap(({ findings }) => findings.map(({ name }) => name.length)));
  const lines = sections.flatMap(({ title, findings }) => [
    title,
    ...findings.flatMap(({ name, value, remedy }) => [
      `  ${remedy === null ? ' ' : '!'} ${name.padEnd(width)}  ${value}`,
      ...(remedy === null ? [] : [`    ${' '.repeat(width)}  -> ${remedy}`]),
    ]),
    '',
  ]);
  return lines.join('\n');
}
