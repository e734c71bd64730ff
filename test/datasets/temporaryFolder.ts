import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/** Creates an empty folder before each test and removes it afterwards; `path` is its path. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeEach(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'haet-datasets-'));
  });
  afterEach(() => rm(folder.path, { recursive: true }));
  return folder;
}
