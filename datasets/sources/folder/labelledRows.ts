import type { Fault } from './fault.ts';
import type { Place } from './listFolder.ts';
import type { Half } from './splitColumn.ts';

/** A row of a table of labels. */
export interface LabelledRow {
  /** Its table and line, as the user would name them, and without the path to the source. */
  readonly at: string;
  readonly within: string;
  /** The name of its file, as in the table. */
  readonly name: string;
  /** The half of a given split that it is in; undefined without a split. */
  readonly half: Half | undefined;
  /** The files that the name can mean. */
  readonly places: readonly Place[];
  /** Empty if the row has none. */
  readonly label?: string;
  /** Why there is no single label. */
  readonly reason?: string;
}

interface Labelled {
  readonly label: string;
  readonly half: Half | undefined;
  readonly at: string;
}

/** Gives each file the label of its row. Returns the rows that give none, or a second one. */
export function labelFiles(rows: readonly LabelledRow[]): {
  labelled: Map<Place, Labelled>;
  rowFaults: Fault[];
} {
  const labelled = new Map<Place, Labelled>();
  const rowFaults: Fault[] = [];
  for (const row of rows) {
    const fault = faultOf(row, labelled);
    const [place] = row.places;
    if (fault !== undefined) rowFaults.push({ shown: row.at, within: row.within, ...fault });
    else if (!labelled.has(place!)) {
      labelled.set(place!, { label: row.label!, half: row.half, at: row.at });
    }
  }
  return { labelled, rowFaults };
}

function faultOf(
  { name, places, label, reason, half, at }: LabelledRow,
  labelled: ReadonlyMap<Place, Labelled>,
): Omit<Fault, 'shown' | 'within'> | undefined {
  const skippable = (why: string, remedy: string) => ({ reason: why, remedy, canBeSkipped: true });
  if (name === '') return skippable('names no file', 'Correct or remove such rows.');
  const [file, other] = places;
  if (file === undefined) {
    return skippable(`the folder has no file "${name}"`, 'Add the files, or remove their rows.');
  }
  if (other !== undefined) {
    return {
      reason: `"${name}" may be ${file.within} or ${other.within}`,
      remedy: 'Give paths within the folder in the table.',
      canBeSkipped: false,
    };
  }
  if (reason !== undefined) {
    return skippable(`${reason} for ${file.within}`, 'Give each image one label, or remove such rows.');
  }
  if (label === '') {
    return skippable(`gives ${file.within} no label`, 'Add labels, or remove their rows.');
  }
  const earlier = labelled.get(file);
  if (earlier === undefined || (earlier.label === label && earlier.half === half)) return undefined;
  const before = earlierRow(earlier.at, at);
  return {
    reason:
      earlier.label === label
        ? `puts ${file.within} into ${half}, but ${before} into ${earlier.half}`
        : `gives ${file.within} the label "${label}", but ${before} "${earlier.label}"`,
    remedy: 'Remove wrong rows.',
    canBeSkipped: false,
  };
}

/** Returns the earlier row as seen from the later one: its line alone if both are in one table. */
function earlierRow(earlier: string, later: string): string {
  const tableOf = (at: string) => at.slice(0, at.lastIndexOf(', line '));
  const table = tableOf(earlier);
  return table === tableOf(later) ? earlier.slice(table.length + 2) : earlier;
}
