import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { cpuHas } from '../../scripts/setup/addon.mjs';

const folder = mkdtempSync(join(tmpdir(), 'haet-cpu-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['x86-64', 'flags\t\t: fpu avx2 fma\nvmx flags\t: asimd\n', ['avx2', 'fma']],
  ['arm64', 'BogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU part\t: 0xd0c\n', ['asimd']],
])('an addon is loaded for a check only on a CPU of %s that has its instructions', (_, text, present) => {
  const cpuinfo = join(folder, 'cpuinfo');
  writeFileSync(cpuinfo, `processor\t: 0\n${text}`);
  expect(cpuHas(present, cpuinfo)).toBe(true);
  expect(cpuHas([], cpuinfo)).toBe(true);
  for (const name of ['avx512f', 'sve']) expect(cpuHas([...present, name], cpuinfo)).toBe(false);
  expect(cpuHas(present, join(folder, 'none'))).toBe(false);
});
