import { basename, resolve } from 'node:path';
import { manifestSchema } from '../evaluator/contract.ts';

const placeholder = 'My entry';
const mostCharacters = 100;

/** Returns a name for the entry in a folder that the contract accepts: the folder's own, as far as it can. */
export function entryNameOf(folder: string): string {
  const visible = basename(resolve(folder))
    .normalize('NFC')
    .replace(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]+/gu, ' ')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1');
  let name = '';
  for (const sign of visible) if (name.length + sign.length <= mostCharacters) name += sign;
  return manifestSchema.shape.name.safeParse(name.trim()).data ?? placeholder;
}
