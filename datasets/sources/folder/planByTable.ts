import { access, realpath } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { UserError } from '../../userError.ts';
import { chooseColumns } from './chooseColumns.ts';
import { errorOf, type Fault, sortFaults } from './fault.ts';
import { indexFiles } from './fileIndex.ts';
import { isImageName } from './imageFormats.ts';
import { listFolder, type Place, unreadableFolder } from './listFolder.ts';
import { nameClashes } from './nameClashes.ts';
import { MOST_CLASSES, type Picture, type Plan } from './plan.ts';
import { readTable } from './readTable.ts';
import { counted, type Opened } from './seen.ts';

export interface TableOptions {
  /** Path of the table, from the working directory or within the source. */
  readonly labels: string;
  /** Heading of the column with the labels, if it is not a usual one. */
  readonly labelColumn?: string | undefined;
  /** File that gets the list of faults if it is too long to be printed. */
  readonly listTo?: string | undefined;
}

/** Folders inside folders that are searched for images. */
const MOST_DEPTH = 8;

/**
 * Finds the labels of a source's images in a table of file names, or of their ids, and labels. Images that the table
 * does not name are not used.
 *
 * @throws UserError if the table cannot be read or does not say which column is which
 */
export async function planByTable(source: Opened, options: TableOptions): Promise<Plan> {
  const from = source.place.shown;
  const table = await locate(options.labels, from);
  const rows = await readTable(table, table);
  const { files, faults } = await allFiles(source);
  const index = indexFiles(files);
  const columns = chooseColumns(rows, index, { shown: table, from, labelColumn: options.labelColumn });
  const labelled = new Map<Place, { label: string; line: number }>();
  const rowFaults: Fault[] = [];
  for (const { cells, line } of columns.hasHeader ? rows.slice(1) : rows) {
    const [name, label] = [cells[columns.file] ?? '', cells[columns.label] ?? ''];
    const place = index.find(name);
    const fault = faultOf(name, label, place, labelled);
    if (fault !== undefined) {
      const at = `, line ${line}`;
      rowFaults.push({ shown: table + at, within: basename(table) + at, ...fault });
    } else if (!labelled.has(place[0]!)) labelled.set(place[0]!, { label, line });
  }
  const classes = classesOf([...labelled.values()].map(({ label }) => label));
  if (classes.length < 2 || classes.length > MOST_CLASSES) {
    if (rowFaults.length > 0)
      throw await errorOf(from, 'files or rows', sortFaults(rowFaults), options.listTo);
    const [heading] = rows;
    throw new UserError({
      path: table,
      reason: `has ${classes.length} different labels${columns.hasHeader ? ` in the column "${heading!.cells[columns.label]}"` : ''}; expected 2 to ${MOST_CLASSES}`,
      remedy: 'If the labels are in another column, name it with --label-column.',
    });
  }
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const train: Picture[] = files
    .filter((place) => labelled.has(place))
    .map((place) => ({ place, label: labelOf.get(labelled.get(place)!.label)! }));
  const unlabelled = files.filter((place) => isImageName(place.name) && !labelled.has(place));
  return {
    classes,
    train,
    how: `, labels from ${basename(table)}`,
    faults: [...faults.filter(({ canBeSkipped }) => !canBeSkipped), ...rowFaults],
    warnings: [
      ...(unlabelled.length > 0
        ? [
            `${counted(unlabelled.length, 'image')} without a row in ${table}, such as ${unlabelled[0]!.shown}, not used.`,
          ]
        : []),
      ...nameClashes(train.map(({ place }) => place.shown)),
      ...nameClashes(classes),
    ],
  };
}

function faultOf(
  name: string,
  label: string,
  place: readonly Place[],
  labelled: ReadonlyMap<Place, { label: string; line: number }>,
): Omit<Fault, 'shown' | 'within'> | undefined {
  if (name === '') {
    return { reason: 'names no file', remedy: 'Correct or remove such rows.', canBeSkipped: true };
  }
  const [file, other] = place;
  if (file === undefined) {
    return {
      reason: `the folder has no file "${name}"`,
      remedy: 'Add the files, or remove their rows.',
      canBeSkipped: true,
    };
  }
  if (other !== undefined) {
    return {
      reason: `"${name}" may be ${file.within} or ${other.within}`,
      remedy: 'Give paths within the folder in the table.',
      canBeSkipped: false,
    };
  }
  if (label === '') {
    return {
      reason: `gives ${file.within} no label`,
      remedy: 'Add labels, or remove their rows.',
      canBeSkipped: true,
    };
  }
  const earlier = labelled.get(file);
  if (earlier === undefined || earlier.label === label) return undefined;
  return {
    reason: `gives ${file.within} the label "${label}", but line ${earlier.line} "${earlier.label}"`,
    remedy: 'Remove wrong rows.',
    canBeSkipped: false,
  };
}

/** Returns the different labels: in the order of their numbers if all are numbers, by name otherwise. */
function classesOf(labels: readonly string[]): string[] {
  const classes = [...new Set(labels)].sort();
  return classes.every((name) => /^\d{1,15}$/.test(name))
    ? classes.sort((a, b) => Number(a) - Number(b))
    : classes;
}

async function locate(labels: string, from: string): Promise<string> {
  const places = isAbsolute(labels) ? [labels] : [labels, join(from, labels)];
  for (const path of places) {
    const isThere = await access(path).then(
      () => true,
      ({ code }) => code !== 'ENOENT' && code !== 'ENOTDIR',
    );
    if (isThere) return path;
  }
  throw new UserError({
    path: labels,
    option: '--labels',
    reason: `does not exist here or in ${from}`,
    remedy: 'Give the table of file names and labels.',
  });
}

/** Lists the files of a source and of the folders in it, sorted by path. */
async function allFiles(source: Opened): Promise<{ files: Place[]; faults: Fault[] }> {
  const files: Place[] = [];
  const faults: Fault[] = [];
  const seen = new Set<string>();
  const visit = async ({ listing }: Pick<Opened, 'listing'>, depth: number): Promise<void> => {
    files.push(...listing.files);
    faults.push(...listing.faults, ...listing.specials);
    if (depth === MOST_DEPTH) return;
    for (const folder of listing.folders) {
      try {
        // The same folder may be reached by several links.
        const real = await realpath(folder.path, { encoding: 'latin1' });
        if (seen.has(real)) continue;
        seen.add(real);
        await visit({ listing: await listFolder(folder) }, depth + 1);
      } catch (error) {
        faults.push(unreadableFolder(folder, error));
      }
    }
  };
  await visit(source, 0);
  return {
    files: files.sort((a, b) => (a.within < b.within ? -1 : a.within > b.within ? 1 : 0)),
    faults,
  };
}
