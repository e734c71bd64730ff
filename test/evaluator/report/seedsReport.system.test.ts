import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { writeSeedsReport } from '../../../evaluator/report/seedsReport.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRun } from './madeUpRun.ts';

const scoredAs = (accuracy: number) => madeUpRun(1, (record) => Object.assign(record.score!, { accuracy }));

describe('the page over repeated runs', () => {
  test('gives mean, sample standard deviation, each interval and a link to each report', async () => {
    const runs = await Promise.all([0.85, 0.86, 0.87].map(scoredAs));
    const folder = await temporaryFolder();
    const file = await writeSeedsReport(
      runs.map((run) => run.folder),
      join(folder, 'seeds.html'),
    );
    const html = await readFile(file, 'utf8');
    expect(html).toContain('3 of 3 runs scored');
    expect(html).toContain('86.00\u202f%');
    expect(html).toContain('standard deviation 1.00\u202f%');
    expect(html.match(/84\.0\u202f% to 88\.3\u202f%/g)).toHaveLength(3);
    for (const run of runs) {
      expect(html).toContain(`href="./../${run.folder.split('/').at(-1)}/report.html"`);
    }
  });

  test('omits unscored runs from the mean and shows their number', async () => {
    const failed = await madeUpRun(2, (record) => Object.assign(record, { verdict: 'CRASHED', score: null }));
    const scored = await scoredAs(0.9);
    const file = join(scored.folder, 'seeds.html');
    const html = await readFile(await writeSeedsReport([scored.folder, failed.folder], file), 'utf8');
    expect(html).toContain('1 of 2 runs scored');
    expect(html).toContain('90.00\u202f%');
    expect(html).toContain('CRASHED');
    expect(html).not.toContain('standard deviation');
    const none = await readFile(await writeSeedsReport([failed.folder], file), 'utf8');
    expect(none).toContain('None of 1 runs was scored');
  });
});
