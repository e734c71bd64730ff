import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { auditSchema } from '../../evaluator/audit/auditSchema.ts';
import { entries, makeGreyTrack } from '../evaluator/audit/entries.ts';
import { makeEntry, processesWith, temporaryFolder, uniqueSeconds } from '../evaluator/fixtures.ts';

const bin = resolve('cli/bin.mjs');
let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  await makeGreyTrack(join(folder, 'track'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const haet = (...words: string[]) => execa(process.execPath, [bin, ...words], { reject: false, cwd: folder });

let folders = 0;
async function auditOf(scripts: Parameters<typeof makeEntry>[1], ...words: string[]) {
  const out = join(folder, `out${++folders}`);
  const entry = await makeEntry(folder, scripts);
  return {
    out,
    ...(await haet(
      'audit',
      entry,
      '--track',
      'track',
      '--out',
      out,
      '--budget',
      '30',
      '--trusted',
      ...words,
    )),
  };
}

describe('haet audit', () => {
  test('prints a summary and the path of audit.json', async () => {
    const { exitCode, stdout, stderr, out } = await auditOf(entries.honest, '--control-seed', '1');
    expect(exitCode).toBe(0);
    const [headline, honest, shuffled, permuted, first, second, place] = stdout.split('\n');
    expect(headline).toBe('audit passed  Fixture by tests');
    expect(honest).toBe('  honest    SCORED  100.0 %, 95 % interval 98.1 to 100.0');
    expect(shuffled).toMatch(/^ {2}shuffled {2}SCORED {2}\d+\.0 %/);
    expect(permuted).toBe('  permuted  SCORED  100.0 %, 95 % interval 98.1 to 100.0');
    expect(first).toMatch(/^ {2}shuffled {2}holds: trained on shuffled labels it reached/);
    expect(second).toMatch(/^ {2}permuted {2}holds: 100\.0 % with class names permuted, 100\.0 % without/);
    const [name] = await readdir(out);
    expect(place).toBe(`  audit     ${join(out, name!, 'audit.json')}`);
    expect(stderr).toContain('Run 1 of 3');
    expect(stderr).not.toMatch(/honest|shuffled|permuted/);
  });

  test('with --json ends standard output with the content of audit.json; a failed audit has status 1', async () => {
    const { exitCode, stdout, stderr } = await auditOf(entries.memorised, '--json', '--seed', '5');
    const result = auditSchema.parse(JSON.parse(stdout));
    expect(exitCode).toBe(1);
    expect(result).toMatchObject({ overall: 'failed', seed: 5 });
    expect(JSON.parse(await readFile(join(result.folder, 'audit.json'), 'utf8'))).toEqual(result);
    expect(stderr).toContain('shuffled  FAILED: trained on shuffled labels it reached 100.0 %');
  });

  test('draws new controls each time unless --control-seed is given', async () => {
    const seedOf = async (...words: string[]) =>
      JSON.parse((await auditOf(entries.constant, '--json', ...words)).stdout).controlSeed;
    expect(await seedOf()).not.toBe(await seedOf());
    expect(await seedOf('--control-seed', '9')).toBe(9);
  });

  test.each([
    ['crashes', { train: 'exit 1' }, 13, 'CRASHED'],
    ['has a bad haet.json', { manifest: { team: 1 } }, 10, 'REJECTED_ARCHIVE'],
    ['learns nothing', entries.constant, 3, 'too close to chance'],
  ])('reports an entry that %s as inconclusive, with its own status', async (_, scripts, status, reason) => {
    const { exitCode, stdout } = await auditOf(scripts);
    expect(exitCode).toBe(status);
    expect(stdout).toContain('audit inconclusive');
    expect(stdout).toContain(reason);
  });

  test('stops on Ctrl-C, records it in audit.json, and leaves no process and no Track', async () => {
    const word = uniqueSeconds();
    const out = join(folder, 'stopped');
    const entry = await makeEntry(folder, { train: `echo x > "$HAET_OUT_DIR/model"; sleep ${word}` });
    const child = spawn(
      process.execPath,
      [bin, 'audit', entry, '--track', join(folder, 'track'), '--out', out, '--json', '--trusted'],
      { stdio: ['ignore', 'pipe', 'ignore'], detached: true },
    );
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    const ended = new Promise((done) => child.once('close', done));
    while (processesWith(`sleep ${word}`).length === 0) await new Promise((done) => setTimeout(done, 20));
    process.kill(-child.pid!, 'SIGINT');
    expect(await ended).toBe(40);
    const result = auditSchema.parse(JSON.parse(stdout));
    expect(result.overall).toBe('inconclusive');
    expect(Object.values(result.runs).filter((run) => run !== null)).toMatchObject([{ verdict: 'ABORTED' }]);
    expect(processesWith(word)).toEqual([]);
    const [name] = await readdir(out);
    const runId = Object.values(result.runs).find((run) => run !== null)!.runId;
    expect((await readdir(join(out, name!))).sort()).toEqual([runId, 'audit.json'].sort());
  });

  test.each([
    ['an entry that is not there', ['nowhere', '--track', 'track', '--trusted'], /nowhere: no such entry/],
    ['a Track that is not there', ['.', '--track', 'none', '--trusted'], /none: is not a Track/],
    ['no Track', ['.'], /--track/],
    ['an unknown sandbox', ['.', '--track', 'track', '--sandbox', 'cardboard'], /cardboard.*process/],
    [
      'a folder that cannot be created',
      ['.', '--track', 'track', '--out', 'track/track.json/x', '--trusted'],
      /--out/,
    ],
    ['an entry without a sandbox for it', ['.', '--track', 'track'], /--sandbox bubblewrap.*--trusted/],
    [
      'a sandbox and --trusted',
      ['.', '--track', 'track', '--sandbox', 'docker', '--trusted'],
      /cannot be used/,
    ],
  ])('rejects %s with one sentence and status 2', async (_, words, reason) => {
    const entry = await makeEntry(folder);
    const given = words.map((word) => (word === '.' ? entry : word));
    const { exitCode, stdout, stderr } = await haet('audit', ...given);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr).not.toContain('    at ');
    expect(existsSync(join(folder, 'runs'))).toBe(false);
  });

  test('documents detections, limits and exit statuses in --help', async () => {
    const { exitCode, stdout } = await haet('audit', '--help');
    expect(exitCode).toBe(0);
    for (const part of [
      'do not detect a pretrained model',
      'Exit status',
      '$ haet audit',
      '--control-seed',
    ]) {
      expect(stdout).toContain(part);
    }
  });
});
