import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import type { Manifest } from '../contract.ts';

/** Bytes of a script that are searched. */
const searchedBytes = 64 * 1024;
const shells = ['sh', 'bash', 'dash', 'zsh', 'ksh'];
/** Arguments that mean something to a shell only. */
const operators = /^(?:&&|\|\||[|;&<>]|>>|2>&1|\d?>.*)$/;
const expansions = /\$\w|\$\{|\$\(|`|(?:^|\/)~\//;
const scriptNames = /\.(?:py|sh|bash|js|mjs|cjs|rb|pl|r|jl|lua)$/i;

/**
 * Returns what about a command of haet.json probably does not work, one sentence each, with what to do. The entry can
 * still be right: it may be made for an image in which it works.
 * @param folder folder of the entry
 */
export async function commandDoubts(folder: string, argv: Manifest['train']): Promise<string[]> {
  const [program, ...rest] = argv as [string, ...string[]];
  const runsShellText =
    shells.includes(program.split('/').at(-1)!) && rest.some((word) => /^-\w*c$/.test(word));
  return [
    ...(await programDoubts(folder, program)),
    ...(runsShellText ? [] : shellDoubts(rest)),
    ...(await scriptDoubts(folder, program, rest)),
  ];
}

async function programDoubts(folder: string, program: string): Promise<string[]> {
  if (program === 'python' || program === 'pip') {
    return [`${program} is not on every machine; name ${program}3`];
  }
  if (!program.includes('/') || program.startsWith('/')) {
    return existsSync(join(folder, program)) && !program.startsWith('/')
      ? [`${quoteUntrusted(program)} is a file of the entry, but is looked up on PATH; write "./${program}"`]
      : [];
  }
  const facts = await lstat(join(folder, program)).catch(() => null);
  if (facts === null) return [`${quoteUntrusted(program)} is not in the entry`];
  if ((facts.mode & 0o111) === 0) {
    return [
      `${quoteUntrusted(program)} has no permission to execute; run \`chmod +x\` on it, or name its interpreter: ["sh", ${quoteUntrusted(program)}]`,
    ];
  }
  return windowsDoubts(folder, program);
}

function shellDoubts(words: readonly string[]): string[] {
  const shellOnly = words.find((word) => operators.test(word) || expansions.test(word));
  if (shellOnly === undefined) return [];
  // Not the whole word, which may contain anything.
  const [symbol] = /&&|\|\||>>|2>&1|[|;&<>$`~]/.exec(shellOnly)!;
  return [
    `there is no shell, so the program gets "${symbol}" as it is; put the command into a script, or write ["sh", "-c", "..."]`,
  ];
}

/** Looks at the first argument that is named like a script. */
async function scriptDoubts(folder: string, program: string, words: readonly string[]): Promise<string[]> {
  const script = words.find((word) => scriptNames.test(word));
  if (script === undefined || script.startsWith('/') || expansions.test(script)) return [];
  if (!existsSync(join(folder, script))) return [`${quoteUntrusted(script)} is not in the entry`];
  return shells.includes(program.split('/').at(-1)!) ? windowsDoubts(folder, script) : [];
}

/** A shell takes the carriage return for a part of the word before it, the kernel for a part of the interpreter's name. */
async function windowsDoubts(folder: string, script: string): Promise<string[]> {
  const text = await startOf(join(folder, script));
  if (
    !/^#!.*\r$/m.test(text.split('\n', 1)[0]!) &&
    !(/\.(?:ba)?sh$/i.test(script) && text.includes('\r\n'))
  ) {
    return [];
  }
  return [
    `${quoteUntrusted(script)} has the line ends of Windows (CR LF), with which it does not run; save it with LF, or run \`sed -i 's/\\r$//'\` on it`,
  ];
}

async function startOf(path: string): Promise<string> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    if (!(await file.stat()).isFile()) return '';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(searchedBytes), 0, searchedBytes, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await file?.close();
  }
}
