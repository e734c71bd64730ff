import type { SchemaTree } from 'hyparquet';
import { UserError } from '../../userError.ts';

/** Usual names of columns, the most usual first. */
const imageNames = ['image', 'img', 'images', 'pixels', 'picture', 'data', 'x'];
const labelNames = ['label', 'labels', 'class', 'category', 'target', 'y'];

export interface ColumnOptions {
  readonly imageColumn?: string | undefined;
  readonly labelColumn?: string | undefined;
}

/**
 * Chooses the image and the label column: those that the user named, else those with a usual name, else the only ones
 * of a type that fits.
 *
 * @throws UserError that lists the columns
 */
export function chooseColumns(
  path: string,
  { children }: SchemaTree,
  { imageColumn, labelColumn }: ColumnOptions,
): { image: string; label: string } {
  const image = choose('--image-column', imageColumn, imageNames, children.filter(isImage));
  const others = children.filter((column) => isLabel(column, labelColumn) && column.element.name !== image);
  const label = choose('--label-column', labelColumn, labelNames, others);
  return { image, label };

  function choose(
    option: string,
    named: string | undefined,
    usual: readonly string[],
    fitting: readonly SchemaTree[],
  ): string {
    const names = fitting.map(({ element }) => element.name);
    const byName = usual.map((name) => names.find((each) => each.toLowerCase() === name)).find(Boolean);
    const chosen = named === undefined ? (byName ?? (names.length === 1 ? names[0] : undefined)) : named;
    if (chosen !== undefined && names.includes(chosen)) return chosen;
    const what = option === '--label-column' ? 'integers or text' : 'images (bytes, or lists of integers)';
    const columns = children
      .map(({ element }) => element.name)
      .slice(0, 20)
      .join(', ');
    throw new UserError({
      option: named === undefined ? undefined : `${option} ${named}`,
      path,
      reason: `has ${names.length === 0 || named !== undefined ? 'no such' : 'more than one'} column of ${what}; its columns are ${columns}`,
      remedy: `Name the column with ${option}.`,
    });
  }
}

/** Floating-point numbers may be labels only in a column that says so: pandas writes them if a label is missing. */
function isLabel(
  { element: { name, type, repetition_type }, children }: SchemaTree,
  named: string | undefined,
): boolean {
  const isSure = name === named || labelNames.includes(name.toLowerCase());
  return (
    children.length === 0 &&
    repetition_type !== 'REPEATED' &&
    (/^(?:INT32|INT64|BYTE_ARRAY)$/.test(type ?? '') ||
      (isSure && /^(?:BOOLEAN|FLOAT|DOUBLE)$/.test(type ?? '')))
  );
}

function isImage({ element, children }: SchemaTree): boolean {
  if (children.length > 0) return true;
  const isText = element.converted_type === 'UTF8' || element.logical_type?.type === 'STRING';
  return (
    element.repetition_type === 'REPEATED' ||
    (/^(?:FIXED_LEN_)?BYTE_ARRAY$/.test(element.type ?? '') && !isText)
  );
}
