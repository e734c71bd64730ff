import { create } from 'tar';

/** Writes files of a folder as `tar.gz`, in the given order, without owners or times: the same files give the same bytes. */
export async function writeArchive(folder: string, files: readonly string[], archive: string): Promise<void> {
  await create(
    {
      cwd: folder,
      file: archive,
      gzip: true,
      portable: true,
      mtime: new Date(0),
      noDirRecurse: true,
      strict: true,
    },
    files.map((file) => `./${file}`), // tar reads a name that starts with @ as an archive
  );
}
