import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/** A folder that each test finds empty and that is gone after it; `path` says where. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeEach(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'haet-datasets-'));
  });
  afterEach(() => rm(folder.path, { recursive: true }));
  return folder;
}
