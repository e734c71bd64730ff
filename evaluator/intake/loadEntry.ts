import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describeIssues, describeJsonFault } from '../../datasets/describeJson.ts';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { textName } from '../../datasets/textName.ts';
import { UserError } from '../../datasets/userError.ts';
import { type Manifest, manifestFile, manifestSchema } from '../contract.ts';
import { type Found, walkTree } from '../sandbox/walkTree.ts';

const mostManifestBytes = 64 * 1024;

export interface Entry {
  /** Absolute path of its folder. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** Hash of all its files, see `hashFolder`. */
  readonly sha256: string;
}

/**
 * Loads an entry's folder.
 * @throws UserError that names what is wrong with the folder or its haet.json
 */
export async function loadEntry(path: string): Promise<Entry> {
  const folder = resolve(path);
  const manifest = parseManifest(await readManifest(folder), join(folder, manifestFile));
  return { folder, manifest, sha256: await hashFolder(folder) };
}

async function readManifest(folder: string): Promise<string> {
  const facts = await lstat(folder).catch(() => null);
  if (facts === null)
    throw new UserError({
      path: folder,
      reason: `no such folder; an entry is a folder with ${manifestFile}`,
    });
  const path = join(folder, manifestFile);
  const cannot = (reason: string) =>
    new UserError({ path, reason: `cannot be read (${reason}); an entry is a folder with this file` });
  const file = await lstat(path).catch(async (error: NodeJS.ErrnoException) => {
    const below = error.code === 'ENOENT' ? await wrappedIn(folder) : null;
    if (below === null) throw cannot(error.code ?? String(error));
    throw new UserError({
      path,
      reason: `does not exist; it lies in the folder ${quoteUntrusted(below)}`,
      remedy: `Pack the content of that folder, not the folder: \`haet pack FOLDER --out entry.tar.gz\`.`,
    });
  });
  // Opening a pipe would block until a writer appears.
  if (!file.isFile()) throw cannot('not a regular file');
  if (file.size > mostManifestBytes) throw cannot(`${file.size} bytes, maximum ${mostManifestBytes}`);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw cannot(error.code ?? String(error));
  });
  return decode(bytes, path);
}

/** Returns the name of the only folder in a folder that holds the manifest; null if there is none, or more. */
async function wrappedIn(folder: string): Promise<string | null> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== '__MACOSX');
  const found = folders.filter(({ name }) => existsSync(join(folder, name, manifestFile)));
  return found.length === 1 ? found[0]!.name : null;
}

/** @throws UserError if the bytes are not UTF-8 */
function decode(bytes: Buffer, path: string): string {
  const remedy = 'Save it as UTF-8 without a byte order mark.';
  const isUtf16 =
    bytes.subarray(0, 2).equals(Buffer.from([0xff, 0xfe])) ||
    bytes.subarray(0, 2).equals(Buffer.from([0xfe, 0xff])) ||
    bytes.subarray(0, 64).includes(0);
  if (isUtf16) throw new UserError({ path, reason: 'is encoded as UTF-16', remedy });
  if (!isUtf8(bytes)) throw new UserError({ path, reason: 'is not UTF-8', remedy });
  const text = bytes.toString('utf8');
  if (text.startsWith('\ufeff')) {
    throw new UserError({ path, reason: 'starts with a byte order mark, which JSON does not allow', remedy });
  }
  return text;
}

/**
 * Parses haet.json.
 * @throws UserError that names each field that violates the contract
 */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError({ path, reason: describeJsonFault(error), ...jsonRemedy(text) });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw new UserError({ path, reason: describeIssues(parsed.error) });
  return parsed.data;
}

/** Names what JSON does not allow though people write it. Text in quotes is skipped. */
function jsonRemedy(text: string): { remedy?: string } {
  const bare = text.replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
  if (/\/\/|\/\*|^\s*#/m.test(bare)) return { remedy: 'JSON has no comments: remove them.' };
  if (/,\s*[}\]]/.test(bare)) return { remedy: 'Remove the comma before the closing bracket.' };
  if (/'[^'\n]*'\s*[:,\]}]/.test(bare)) return { remedy: 'Use double quotes.' };
  return {};
}

/**
 * Returns the sha256 over every file below a folder, sorted by relative path (by code unit): for each its path, kind
 * and length or target, then its bytes. Permissions and times are ignored. Symbolic links count by their target.
 * @param leftOut names of files and folders that are ignored wherever they are; default: none
 * @throws UserError for anything other than files, folders and links
 */
export async function hashFolder(folder: string, leftOut: readonly string[] = []): Promise<string> {
  const hash = createHash('sha256');
  for (const path of await listFiles(folder, leftOut)) {
    const full = join(folder, path);
    const facts = await lstat(full);
    if (facts.isSymbolicLink()) {
      hash.update(`${path}\0link\0${await readlink(full)}\0`);
    } else if (facts.isFile()) {
      hash.update(`${path}\0file\0${facts.size}\0`);
      for await (const chunk of createReadStream(full)) hash.update(chunk as Buffer);
    } else {
      throw new UserError({
        path: folder,
        reason: `contains ${quoteUntrusted(path)}, which is not a file, folder or link; remove it`,
      });
    }
  }
  return hash.digest('hex');
}

/**
 * Returns the sorted relative paths of everything below a folder except folders.
 * @param leftOut names of files and folders that are skipped; default: none
 * @throws UserError for a name that is not UTF-8
 */
export async function listFiles(folder: string, leftOut: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  await walkTree(folder, {
    visit(each) {
      if (leftOut.includes(String(each.name))) return 'skip';
      const path = pathOf(folder, each);
      if (!each.facts.isDirectory()) found.push(path);
      return undefined;
    },
  });
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/**
 * Returns the path of something below a folder, relative to it.
 * @throws UserError if a name in it is not UTF-8
 */
export function pathOf(folder: string, { name, relative }: Found): string {
  const path = textName(relative());
  if (path !== null) return path;
  throw new UserError({
    path: folder,
    reason: `contains ${quoteUntrusted(String(name))}, a name that is not UTF-8; rename it`,
  });
}
