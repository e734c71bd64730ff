import { entryUser } from './entryUser.ts';

/** The host name of sandboxes with a network of their own. */
export const hostName = 'haet';
const userName = 'entry';

/** Contents of /etc/passwd and /etc/group. */
export interface UserNames {
  readonly passwd: string;
  readonly group: string;
}

/** A file below /etc that a stage sees. */
export interface NameFile {
  readonly path: string;
  readonly content: string;
}

/**
 * Returns /etc/passwd and /etc/group with the user of a stage. Programs ask for the name of their user: Python's
 * `getpass.getuser()` fails without one.
 * @param existing the files to which the user is added, of an image for instance
 * @param home home folder of the user
 */
export function userFiles(
  { uid, gid }: { readonly uid: number; readonly gid: number },
  home: string,
  existing: UserNames = systemUsers,
): NameFile[] {
  return [
    {
      path: '/etc/passwd',
      content: withLine(existing.passwd, uid, `${userName}:x:${uid}:${gid}::${home}:/bin/sh`),
    },
    { path: '/etc/group', content: withLine(existing.group, gid, `${userName}:x:${gid}:`) },
  ];
}

/** Files by which a stage without a network finds `localhost` and its own host name. */
export const hostFiles: readonly NameFile[] = [
  {
    path: '/etc/hosts',
    content: `127.0.0.1 localhost ${hostName}\n::1 localhost ip6-localhost ip6-loopback\n`,
  },
  { path: '/etc/nsswitch.conf', content: 'passwd: files\ngroup: files\nhosts: files\n' },
];

const systemUsers: UserNames = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n',
  group: 'root:x:0:\nnogroup:x:65534:\n',
};

/** The ids of the entries' user and group where the evaluator is root, otherwise its own. */
export const stageUser =
  process.getuid?.() === 0
    ? { uid: entryUser, gid: entryUser }
    : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** Adds a line unless a line has the same id, which is in the third field (passwd(5), group(5)). */
function withLine(text: string, id: number, line: string): string {
  const lines = text.split('\n').filter((each) => each !== '');
  if (lines.some((each) => each.split(':')[2] === String(id))) return text;
  return `${[...lines, line].join('\n')}\n`;
}
