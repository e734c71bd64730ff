import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { memoryBeyond, readGroupMemory } from '../../../../evaluator/sandbox/user/stageMemory.ts';
import { temporaryFolder } from '../../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const put = (text: string) => writeFileSync(join(folder.path, 'memory.stat'), text);
const tebibyte = 2 ** 40;

describe('the memory of a control group', () => {
  test('is read from either version, with its subgroups', () => {
    put('cache 9\nrss 1\nshmem 2\ntotal_cache 90\ntotal_rss 10\ntotal_rss_huge 3\ntotal_shmem 20\n');
    expect(readGroupMemory(folder.path)).toEqual({ anonymousBytes: 10, sharedBytes: 20 });
    put('anon 11\nfile 99\nshmem 22\nanon_thp 5\n');
    expect(readGroupMemory(folder.path)).toEqual({ anonymousBytes: 11, sharedBytes: 22 });
  });

  test('is unknown if it cannot be read', () => {
    put('cache 9\n');
    expect(readGroupMemory(folder.path)).toBeNull();
    expect(readGroupMemory(join(folder.path, 'none'))).toBeNull();
  });
});

describe('a stage exceeds its limit', () => {
  const before = { anonymousBytes: 0, sharedBytes: tebibyte };
  const beyond = (limit: number) => memoryBeyond(limit, folder.path, before, () => []);

  test('by its own memory only: neither by earlier memory nor by resident memory of other processes', () => {
    put(`anon ${2 * tebibyte}\nshmem ${2 * tebibyte}\n`);
    const found = beyond(tebibyte)!;
    // All processes of this machine are others here; together they have less than a tebibyte.
    expect(found).toBeLessThan(3 * tebibyte);
    expect(found).toBeGreaterThan(2 * tebibyte);
    expect(beyond(3 * tebibyte - 1)).toBeNull();
  });

  test('never by values that cannot be read', () => {
    put('');
    expect(beyond(1)).toBeNull();
  });
});
