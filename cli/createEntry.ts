import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFault } from '../datasets/describeFault.ts';
import { createFolder, requireFree } from '../datasets/newFolder.ts';
import { UserError } from '../datasets/userError.ts';
import { manifestFile } from '../evaluator/contract.ts';

const argument = 'DIR';

/**
 * Creates the folder of an entry with its files, and never replaces one. A new folder appears complete, in one rename.
 *
 * An existing empty folder is filled instead of replaced, because it may be the current folder of a shell, a mount
 * point, or in a folder that this user cannot write to. The files are written to a temporary folder inside it and then
 * linked, `haet.json` last.
 * @param files bytes by name
 * @throws UserError if the folder is not free or cannot be written; nothing is left then
 */
export async function createEntry(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await requireFree(folder, argument);
  await (existsSync(folder) ? fillFolder(folder, files) : createFolder(folder, files, argument));
}

async function fillFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const temporary = join(folder, `.haet-init-${randomUUID()}.part`);
  const linked: string[] = [];
  try {
    await mkdir(temporary);
    for (const [name, bytes] of files) await writeFile(join(temporary, name), bytes, { flush: true });
    const names = [...files.keys()].sort((a, b) => Number(a === manifestFile) - Number(b === manifestFile));
    for (const name of names) {
      await link(join(temporary, name), join(folder, name));
      linked.push(name);
    }
  } catch (error) {
    for (const name of linked) await rm(join(folder, name), { force: true });
    throw new UserError({
      option: argument,
      path: folder,
      reason: `could not be written (${describeFault(error)}), and nothing was left there`,
      remedy: 'Check free space and permissions, or give another folder.',
    });
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
  }
}
