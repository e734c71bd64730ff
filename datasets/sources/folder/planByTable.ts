import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { plainText } from '../../plainText.ts';
import { UserError } from '../../userError.ts';
import { type ColumnOptions, chooseColumns } from './chooseColumns.ts';
import { errorOf, type Fault, isSaved, MOST_LISTED, sortFaults } from './fault.ts';
import { indexFiles } from './fileIndex.ts';
import { isImageName } from './imageFormats.ts';
import { type LabelledRow, labelFiles } from './labelledRows.ts';
import { listFolder, type Place, unreadableFolder } from './listFolder.ts';
import { locateTables } from './locateTables.ts';
import { nameClashes } from './nameClashes.ts';
import { MOST_CLASSES, type Picture, type Plan } from './plan.ts';
import { readTable } from './readTable.ts';
import { counted, type Opened } from './seen.ts';
import { usableHalves } from './usableHalves.ts';

export interface TableOptions extends ColumnOptions {
  /** Path of the table, from the working directory or within the source, or in its folders of training and of test images. */
  readonly labels: string;
  /** File that gets the list of faults if it is too long to be printed. */
  readonly listTo?: string | undefined;
  /** File that gets the list of images without a row if it is too long to be printed. */
  readonly unlabelledTo?: string | undefined;
}

/** Folders inside folders that are searched for images. */
const MOST_DEPTH = 8;

/**
 * Finds the labels of a source's images in a table of file names, or of their ids, and labels. Images that the table
 * does not name are not used. The split is given by a column of the table, or by a table in the folder of each half.
 *
 * @throws UserError if the table cannot be read or does not say which column is which
 */
export async function planByTable(source: Opened, options: TableOptions): Promise<Plan> {
  const from = source.place.shown;
  const tables = await locateTables(options.labels, source);
  const { files, faults } = await allFiles(source);
  const index = indexFiles(files);
  const warnings: string[] = [];
  const read: LabelledRow[] = [];
  let labelsFrom = '';
  for (const table of tables) {
    const rows = await readTable(table.path, table.path);
    const columns = chooseColumns(rows, index, { shown: table.path, from, ...options });
    warnings.push(...columns.warnings);
    labelsFrom = columns.labelsFrom;
    for (const { cells, line } of columns.hasHeader ? rows.slice(1) : rows) {
      const split = columns.split && (cells[columns.split.column] ?? '');
      const name = cells[columns.file] ?? '';
      read.push({
        at: `${table.path}, line ${line}`,
        within: `${table.within}, line ${line}`,
        name,
        half: split === undefined ? table.half : columns.split!.halfOf(split),
        places: index.find(name, [table.folder, ...(split === undefined ? [] : [split])]),
        ...columns.labelOf(cells),
      });
    }
  }
  const halves = usableHalves(read);
  const { labelled, rowFaults } = labelFiles(read.filter(({ half }) => halves.isUsed(half)));
  const classes = classesOf([...labelled.values()].map(({ label }) => label));
  const shownTables = tables.map(({ path }) => path).join(', ');
  if (classes.length < 2 || classes.length > MOST_CLASSES) {
    if (rowFaults.length > 0)
      throw await errorOf(from, 'files or rows', sortFaults(rowFaults), options.listTo);
    throw new UserError({
      path: shownTables,
      reason: `has ${classes.length} different labels${labelsFrom}; expected 2 to ${MOST_CLASSES}`,
      remedy: 'If the labels are in another column, name it with --label-column.',
    });
  }
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const picturesOf = (isHeldOut: boolean): Picture[] =>
    files
      .filter((place) => labelled.has(place) && halves.isHeldOut(labelled.get(place)!.half) === isHeldOut)
      .map((place) => ({ place, label: labelOf.get(labelled.get(place)!.label)! }));
  const train = picturesOf(false);
  const named = new Set(read.flatMap(({ places }) => places));
  const unlabelled = files.filter((place) => isImageName(place.name) && !named.has(place));
  return {
    classes,
    train,
    ...(halves.taken === undefined ? {} : { test: picturesOf(true) }),
    how: `, labels from ${basename(options.labels)}${halves.taken === undefined ? '' : `, split as given (train, ${halves.taken})`}`,
    faults: [...faults.filter(({ canBeSkipped }) => !canBeSkipped), ...rowFaults],
    warnings: [
      ...warnings,
      ...halves.warnings,
      ...(await withoutRow(unlabelled, shownTables, options.unlabelledTo)),
      ...nameClashes(train.map(({ place }) => place.shown)),
      ...nameClashes(classes),
    ],
  };
}

/** Lists the images that no row names, 20 at most; all of them in a file. */
async function withoutRow(
  images: readonly Place[],
  tables: string,
  listTo: string | undefined,
): Promise<string[]> {
  if (images.length === 0) return [];
  const listed = images.slice(0, MOST_LISTED).map(({ shown }) => shown);
  const more = images.length - listed.length;
  const lines = images.map(({ shown }) => `${plainText(shown)}\n`);
  const isWritten = more > 0 && listTo !== undefined && (await isSaved(listTo, lines));
  return [
    `${counted(images.length, 'image')} without a row in ${tables}, not used: ${listed.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`,
    ...(isWritten ? [`The list of all images without a row is in ${listTo}.`] : []),
  ];
}

/** Returns the different labels: in the order of their numbers if all are numbers, by name otherwise. */
function classesOf(labels: readonly string[]): string[] {
  const classes = [...new Set(labels)].sort();
  return classes.every((name) => /^\d{1,15}$/.test(name))
    ? classes.sort((a, b) => Number(a) - Number(b))
    : classes;
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
