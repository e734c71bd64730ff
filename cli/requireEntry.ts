import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { quoteUntrusted } from '../datasets/quoteUntrusted.ts';
import { codeAndMeaning, isDenied, ownership } from '../datasets/systemError.ts';
import { UserError } from '../datasets/userError.ts';
import { manifestFile } from '../evaluator/contract.ts';
import { loadEntry, pathOf } from '../evaluator/intake/loadEntry.ts';
import { walkTree } from '../evaluator/sandbox/walkTree.ts';

/**
 * Checks that an entry is there and can be read, before anything starts: what this user cannot read is no fault of the
 * entry and none of the machine. Whether it keeps to the contract is for intake to say.
 * @param entry path of its folder or archive
 * @returns the path without links
 * @throws UserError that names what cannot be read
 */
export async function requireEntry(entry: string): Promise<string> {
  const path = await realpath(entry).catch((error: NodeJS.ErrnoException) => {
    const isAbsent = error.code === 'ENOENT';
    throw new UserError({
      path: resolve(entry),
      reason: isAbsent ? 'no such entry' : `cannot be read (${codeAndMeaning(error)})`,
      remedy: 'Give the folder or the archive of an entry.',
    });
  });
  const facts = statSync(path);
  if (facts.isDirectory()) {
    // Says why it is not there, and whether it lies one folder deeper.
    if (!existsSync(join(path, manifestFile))) await loadEntry(path);
    await requireTree(path);
  } else if (facts.isFile()) {
    requireReadable(path, path);
  } else {
    throw new UserError({
      path: resolve(entry),
      reason: 'is neither a folder nor a regular file',
      remedy: 'Give the folder or the archive of an entry.',
    });
  }
  return path;
}

async function requireTree(folder: string): Promise<void> {
  await walkTree(folder, {
    visit(each) {
      const path = pathOf(folder, each);
      const { facts } = each;
      if (facts.isSymbolicLink()) return undefined;
      if (!facts.isFile() && !facts.isDirectory()) {
        throw new UserError({
          path: folder,
          reason: `contains ${quoteUntrusted(path)}, which is not a file, folder or link`,
          remedy: 'Remove it.',
        });
      }
      requireReadable(each.path, join(folder, path));
      return undefined;
    },
  });
}

function requireReadable(at: string | Buffer, path: string): void {
  try {
    accessSync(at, constants.R_OK);
  } catch (error) {
    throw new UserError({
      path,
      reason: `cannot be read (${codeAndMeaning(error)}${isDenied(error) ? ownership(path) : ''})`,
      remedy: 'Let its owner change the permissions.',
    });
  }
}
