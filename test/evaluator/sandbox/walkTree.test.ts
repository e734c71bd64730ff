import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { removePath } from '../../../evaluator/sandbox/removeTree.ts';
import { type TreeVisitor, walkTree } from '../../../evaluator/sandbox/walkTree.ts';
import { exceeds, kernelPathBytes } from '../../../evaluator/stage/watchOutput.ts';
import { temporaryFolder } from '../fixtures.ts';

let scratch: string;
let folder: string;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
beforeEach(async () => {
  folder = await mkdtemp(join(scratch, 'case-'));
});

const step = 'deep'.repeat(25);
const levels = 35;
/** Returns the relative path of a file, below 72 folders, that is 7,000 bytes long. */
const deepFile = ['upper', ...Array(levels).fill(step), 'lower', ...Array(levels).fill(step), 'file'].join(
  '/',
);

/** Moves a chain of folders that is as deep as a path can name, with a file of 100,000 bytes, into another. */
function nestDeeper(): void {
  const chain = (top: string) => join(folder, top, ...Array<string>(levels).fill(step));
  for (const top of ['upper', 'lower']) mkdirSync(chain(top), { recursive: true });
  writeFileSync(join(chain('lower'), 'file'), Buffer.alloc(100_000, 1));
  renameSync(join(folder, 'lower'), join(chain('upper'), 'lower'));
}

async function pathsSeen(visitor: Partial<TreeVisitor> = {}): Promise<string[]> {
  const seen: string[] = [];
  await walkTree(folder, {
    visit(found) {
      seen.push(String(found.relative()));
      return visitor.visit?.(found) as undefined;
    },
  });
  return seen;
}

describe('a walk', () => {
  test('visits everything, each folder before its content, and follows no link', async () => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await writeFile(join(folder, 'a/b/c'), '');
    await symlink('/', join(folder, 'link'));
    const seen = await pathsSeen();
    expect([...seen].sort()).toEqual(['a', 'a/b', 'a/b/c', 'link']);
    expect(seen.filter((path) => path.startsWith('a'))).toEqual(['a', 'a/b', 'a/b/c']);
  });

  test('does not enter skipped folders, and stops on request', async () => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    expect(await pathsSeen({ visit: () => 'skip' })).toEqual(['a']);
    expect(await pathsSeen({ visit: () => 'stop' })).toEqual(['a']);
    expect(await walkTree(folder, { visit: () => 'stop' })).toBe(true);
    expect(await walkTree(folder, { visit: () => 'skip' })).toBe(false);
  });

  test('visits files deeper than a path can name, and leaves no descriptor open', async () => {
    nestDeeper();
    const before = readdirSync('/proc/self/fd').length;
    const seen = await pathsSeen();
    expect(seen).toHaveLength(2 * (levels + 1) + 1);
    expect(seen.at(-1)).toBe(deepFile);
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
    await removePath(folder);
  });

  test('throws below 1024 levels of folders', async () => {
    const chain = (top: string) => join(folder, top, ...Array<string>(600).fill('d'));
    for (const top of ['first', 'second']) mkdirSync(chain(top), { recursive: true });
    renameSync(join(folder, 'second'), join(chain('first'), 'second'));
    await expect(pathsSeen()).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    await removePath(folder);
  });
});

describe('files deeper than a path can name', () => {
  const roomy = { bytes: 2 ** 30, files: 1000 };

  test('count with their content', async () => {
    nestDeeper();
    expect(await exceeds(folder, roomy)).toBe(false);
    expect(await exceeds(folder, { ...roomy, bytes: 99_000 })).toBe(true);
    expect(await exceeds(folder, { ...roomy, files: 2 * (levels + 1) })).toBe(true);
    await removePath(folder);
  });

  test('are too many where the kernel must accept the path', async () => {
    nestDeeper();
    expect(await exceeds(folder, { ...roomy, pathBytes: kernelPathBytes })).toBe(true);
    expect(await exceeds(folder, { ...roomy, pathBytes: 10_000 })).toBe(false);
    await removePath(folder);
  });
});
