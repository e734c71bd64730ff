import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, manifestFile } from '../contract.ts';
import { type Attack, corpusFolder, honestName } from './attack.ts';
import { hostileArchive } from './hostileArchives.ts';
import type { Hints } from './surroundings.ts';
import type { Member } from './tarBytes.ts';

const honestEntry = join(corpusFolder, honestName, 'entry');
/** Modules that attacks share. */
const helpers = join(corpusFolder, '../helpers');

/**
 * Writes the entry of an attack, a folder or an archive, and returns its path. A folder holds the files of the honest
 * entry, replaced or extended by those of the attack, and helpers/ and hints.json for the attack to use.
 */
export async function stageEntry(attack: Attack, below: string, hints: Hints): Promise<string> {
  if (attack.archive !== undefined) {
    const archive = join(below, `${attack.name}.${attack.archive.startsWith('zip') ? 'zip' : 'tar'}`);
    await writeFile(archive, hostileArchive(attack.archive, await honestMembers()));
    return archive;
  }
  const folder = join(below, attack.name);
  await mkdir(folder);
  await cp(honestEntry, folder, { recursive: true });
  if (attack.entryFolder !== null) await cp(attack.entryFolder, folder, { recursive: true });
  await cp(helpers, join(folder, 'helpers'), { recursive: true });
  const manifest: Manifest = JSON.parse(await readFile(join(folder, manifestFile), 'utf8'));
  await writeFile(join(folder, manifestFile), JSON.stringify({ ...manifest, name: attack.name }));
  await writeFile(join(folder, 'hints.json'), JSON.stringify(hints));
  return folder;
}

async function honestMembers(): Promise<Member[]> {
  const names = (await readdir(honestEntry)).sort();
  return Promise.all(
    names.map(async (name) => ({ path: name, data: await readFile(join(honestEntry, name)) })),
  );
}
