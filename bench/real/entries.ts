import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trackFiles } from '../../datasets/track.ts';
import { manifestFile } from '../../evaluator/contract.ts';
import { hashFile } from '../../evaluator/intake/hashFile.ts';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import { referenceSubmission } from '../../evaluator/machine/runtime.ts';
import { projectFolder } from '../../evaluator/machine/version.ts';
import type { VerdictCode } from '../../evaluator/run/verdict.ts';
import { corpusFolder, readAttack } from '../../evaluator/selfTest/attack.ts';
import { stageEntry } from '../../evaluator/selfTest/stageEntry.ts';
import { createSurroundings } from '../../evaluator/selfTest/surroundings.ts';
import { installedTorch } from '../throughput/peers.ts';

/** An archive and how its run must end. */
export interface RealEntry {
  readonly name: string;
  readonly archive: string;
  readonly sha256: string;
  readonly expected: readonly VerdictCode[];
}

/** Archives that are graded together. */
export interface Group {
  /** The part of `haet grade` that says how entries are fenced off. */
  readonly fence: readonly string[];
  /** Multiple of the budget that they get. */
  readonly patience: number;
  /** Folder of the archives. */
  readonly folder: string;
  readonly entries: readonly RealEntry[];
}

/** Ends of the hostile entries: rejected, crashed, no output, salvaged, over a limit, wrong output, broken rule, scored. */
const hostile = [
  'archive-climbs',
  'crashes-by-signal',
  'exits-with-nothing',
  'fails-after-saving',
  'ignores-sigterm',
  'memory-hog',
  'nests-output',
  'outlives-parent-unmarked',
  'output-nan',
  'predict-by-position',
];

/**
 * Makes the archives of the reference submission, templates and ten hostile entries. They are run in the order given,
 * so that training is under way on all nodes when some runs have ended already.
 * @param trackDir Track of 1,000 test images
 * @returns `unfenced`: PyTorch, whose packages bubblewrap does not show; null if there is no PyTorch on this machine
 */
export async function makeEntries(
  folder: string,
  trackDir: string,
): Promise<{ fenced: Group; unfenced: Group | null }> {
  const [fenced, unfenced] = [join(folder, 'fenced'), join(folder, 'unfenced')];
  await mkdir(fenced);
  await mkdir(unfenced);
  const honest = async (name: string, source: string, to: string): Promise<RealEntry> => {
    const archive = join(to, `${name}.tar.gz`);
    await packEntry(source, archive);
    return { name, archive, sha256: await hashFile(archive), expected: ['SCORED'] };
  };
  const example = (name: string) => join(projectFolder, 'examples', name);
  const entries = [
    await honest('01-shell', example('shell'), fenced),
    await honest('02-reference', referenceSubmission, fenced),
    await honest('03-numpy', example('numpy'), fenced),
    ...(await makeHostile(folder, fenced, trackDir)),
  ];
  const python = await installedTorch();
  const torch = python === null ? null : await withPython(example('pytorch'), folder, python);
  return {
    fenced: { fence: ['--sandbox', 'bubblewrap'], patience: 1, folder: fenced, entries },
    unfenced:
      torch === null
        ? null
        : {
            ...{ fence: ['--trusted'], folder: unfenced },
            // Its import alone takes longer than all of the budget where three nodes share two busy CPUs.
            patience: 3,
            entries: [await honest('pytorch', torch, unfenced)],
          },
  };
}

async function makeHostile(folder: string, to: string, trackDir: string): Promise<RealEntry[]> {
  const staged = join(folder, 'hostile');
  await mkdir(staged);
  const surroundings = await createSurroundings({
    canary: join(folder, 'canary'),
    labels: join(trackDir, trackFiles.testLabels),
    runs: folder,
  });
  const { hints } = surroundings;
  await surroundings.close();
  const entries: RealEntry[] = [];
  for (const [at, name] of hostile.entries()) {
    const attack = await readAttack(corpusFolder, name);
    const path = await stageEntry(attack, staged, hints);
    const number = String(at + 4).padStart(2, '0');
    const isArchive = attack.archive !== undefined;
    const archive = join(to, `${number}-${name}.${isArchive ? 'tar' : 'tar.gz'}`);
    await (isArchive ? cp(path, archive) : packEntry(path, archive));
    const { verdicts: expected } = attack.expected;
    entries.push({ name: `${number}-${name}`, archive, sha256: await hashFile(archive), expected });
  }
  return entries;
}

/** Copies an entry and has its commands run by another Python. */
async function withPython(entry: string, folder: string, python: string): Promise<string> {
  const copy = await mkdtemp(join(folder, 'entry-'));
  await cp(entry, copy, { recursive: true });
  const manifest = join(copy, manifestFile);
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replaceAll('"python3"', JSON.stringify(python)));
  return copy;
}
