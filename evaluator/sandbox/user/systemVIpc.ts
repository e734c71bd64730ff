import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { becomeEntryUser, entryUser } from '../entryUser.ts';

/** Objects of System V IPC live in the kernel, not with a process: name of the list in /proc/sysvipc, option of ipcrm. */
const kinds = [
  { list: 'shm', id: 'shmid', option: '--shmem-id' },
  { list: 'sem', id: 'semid', option: '--semaphore-id' },
  { list: 'msg', id: 'msqid', option: '--queue-id' },
] as const;
type Kind = (typeof kinds)[number];

/** Objects that are named to one ipcrm: a system may hold more of them than words fit on a command line. */
const mostAtOnce = 1000;

/**
 * Removes every shared memory segment, semaphore and message queue that the entry's user made or was given. They are named
 * one by one, from the kernel's own list: `ipcrm --all` passes by what its owner may not read. It is that user who
 * removes them: in a container, root has not the right to.
 * @throws Error when some are left
 */
export async function removeSystemVIpc(): Promise<void> {
  const [program, ...words] = becomeEntryUser;
  for (const kind of kinds) {
    const ids = await idsOf(kind);
    for (let first = 0; first < ids.length; first += mostAtOnce) {
      const named = ids.slice(first, first + mostAtOnce).flatMap((id) => [kind.option, id]);
      await execa(program, [...words, 'ipcrm', ...named], { reject: false });
    }
    const left = await idsOf(kind);
    if (left.length > 0) {
      throw new Error(
        `${left.length} objects in /proc/sysvipc/${kind.list} of user ${entryUser} could not be removed`,
      );
    }
  }
}

async function idsOf({ list, id }: Kind): Promise<string[]> {
  const text = await readFile(`/proc/sysvipc/${list}`, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''; // a kernel without System V IPC
    throw error;
  });
  const [header = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const column = (row: readonly string[], name: string) => row[header.indexOf(name)]!;
  return rows
    .filter((row) => [column(row, 'uid'), column(row, 'cuid')].includes(String(entryUser)))
    .map((row) => column(row, id));
}
