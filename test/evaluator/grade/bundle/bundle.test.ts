import { createPublicKey } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { list } from 'tar';
import { sha256 } from '../../../../datasets/sha256.ts';
import { signList } from '../../../../evaluator/attest/signedList.ts';
import { exportBundle } from '../../../../evaluator/grade/bundle/exportBundle.ts';
import { type BundleEvidence, verifyBundle } from '../../../../evaluator/grade/bundle/verifyBundle.ts';
import { readGrading, termsText } from '../../../../evaluator/grade/grading.ts';
import { unpackArchive } from '../../../../evaluator/intake/unpackArchive.ts';
import { writeArchive } from '../../../../evaluator/intake/writeArchive.ts';
import { type Member, tarBytes } from '../../../../evaluator/selfTest/tarBytes.ts';
import { key, signingKey, strangersKey } from '../../attest/madeUpOfficial.ts';
import { temporaryFolder } from '../../fixtures.ts';
import { addRun, headOf, judge, makeGrading } from './madeUpGrading.ts';

let folder: string;
/** Bundles of a signed and of an unsigned grading, and the gradings. */
let signed: string;
let unsigned: string;
let out: string;
let openOut: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  [signed, unsigned] = [join(folder, 'signed.tar.gz'), join(folder, 'unsigned.tar.gz')];
  [out, openOut] = [join(folder, 'out'), join(folder, 'open-out')];
  await makeGrading(out, { signed: true });
  await makeGrading(openOut);
  await exportBundle(out, signed, { signingKey });
  await exportBundle(openOut, unsigned);
});

const verify = (archive: string, change: Partial<BundleEvidence> = {}) =>
  verifyBundle(archive, { key, ...change });
/** Returns the check that fails, and what it says. */
async function fault(archive: string, change: Partial<BundleEvidence> = {}): Promise<string | null> {
  const { holds, checks, standing } = await verify(archive, change);
  if (holds) return null;
  expect(standing).toBeNull();
  const { name, says } = checks.at(-1)!;
  return `${name}: ${says}`;
}

async function pathsIn(archive: string): Promise<string[]> {
  const paths: string[] = [];
  await list({ file: archive, onReadEntry: ({ path }) => paths.push(path.replace('./', '')) });
  return paths;
}

/**
 * Packs a copy of a bundle whose files were changed.
 * @param mended whether bundle.json then lists the new hashes, and the organizer has signed that list
 */
async function changed(
  archive: string,
  change: (content: string) => Promise<void>,
  mended: 'no' | 'listed' | 'signed' = 'signed',
): Promise<string> {
  const place = await mkdtemp(join(folder, 'changed-'));
  const content = join(place, 'content');
  await unpackArchive(archive, content);
  await change(content);
  const files = (await walk(content)).filter((path) => path !== 'bundle.json');
  const listed = files.filter((path) => path !== 'bundle.jws');
  if (mended !== 'no') {
    const hashes = Object.fromEntries(
      await Promise.all(listed.map(async (file) => [file, sha256(await readFile(join(content, file)))])),
    );
    const bundle = { kind: 'haet-records', schemaVersion: 1, files: hashes };
    const text = JSON.stringify(bundle);
    await writeFile(join(content, 'bundle.json'), text);
    if (mended === 'signed' && files.includes('bundle.jws')) {
      await writeFile(join(content, 'bundle.jws'), await signList(Buffer.from(text), signingKey));
    }
  }
  const made = join(place, 'bundle.tar.gz');
  await writeArchive(content, ['bundle.json', ...files], made);
  return made;
}

async function walk(content: string): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const found = await readdir(content, { withFileTypes: true, recursive: true });
  return found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(content.length + 1))
    .sort();
}

/** Flips one bit in the middle of a file. */
async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
}
const edit = async (path: string, from: string | RegExp, to: string) => {
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(from);
  await writeFile(path, text.replace(from, to));
};
const job = (archive: string, seed: number) => `runs/${archive.repeat(16)}-t77777777-s${seed}`;

describe('an export', () => {
  test('has records, chain, receipts and leaderboard, and no model, log, key or prediction', async () => {
    expect(await pathsIn(signed)).toEqual([
      'bundle.json',
      'bundle.jws',
      'chain.json',
      'decisions.jsonl',
      'grading.json',
      'public/leaderboard.csv',
      'public/leaderboard.json',
      'public/leaderboard.md',
      'receipts.csv',
      ...[
        `${job('a', 1)}/r1`,
        `${job('a', 2)}/r2`,
        `${job('a', 2)}/r3`,
        `${job('b', 1)}/r1`,
        `${job('b', 2)}/r2`,
      ].flatMap((run) => [`${run}/record.json`, `${run}/record.jws`]),
    ]);
  });

  test('gives the same bytes again, also from a copy with other times and modes', async () => {
    const again = join(folder, 'again.tar.gz');
    const copy = await mkdtemp(join(folder, 'copy-'));
    await cp(out, copy, { recursive: true });
    expect((await exportBundle(copy, again, { signingKey })).sha256).toBe(sha256(await readFile(signed)));
    expect(sha256(await readFile(again))).toBe(sha256(await readFile(signed)));
  });

  test('does not follow a link in the place of a record', async () => {
    const copy = await mkdtemp(join(folder, 'copy-'));
    await cp(openOut, copy, { recursive: true });
    await writeFile(join(folder, 'secret'), 'AGE-SECRET-KEY-1');
    const start = join(copy, job('a', 1), 'r1/start.json');
    await symlink(join(folder, 'secret'), start);
    const made = join(copy, 'bundle.tar.gz');
    await exportBundle(copy, made);
    expect(await pathsIn(made)).toEqual(await pathsIn(unsigned));
  });

  test('of signed runs needs the identity that signed them, and of other runs none', async () => {
    const made = join(folder, 'refused.tar.gz');
    await expect(exportBundle(out, made)).rejects.toThrow('--identity: is missing, but the runs are signed');
    await expect(exportBundle(out, made, { signingKey: strangersKey })).rejects.toThrow(
      '--identity: signs with haet1',
    );
    await expect(exportBundle(openOut, made, { signingKey })).rejects.toThrow(
      '--identity: has nothing to sign, because no run is signed',
    );
    await expect(readFile(made)).rejects.toThrow('ENOENT');
  });

  test('is refused if the leaderboard is not that of the records, and writes nothing', async () => {
    const copy = await mkdtemp(join(folder, 'copy-'));
    await cp(openOut, copy, { recursive: true });
    await rm(join(copy, job('a', 1), 'r1'), { recursive: true });
    const made = join(copy, 'bundle.tar.gz');
    await expect(exportBundle(copy, made)).rejects.toThrow(
      `${copy}: a bundle of it would not verify: public/leaderboard.json does not follow from the records`,
    );
    await expect(readFile(made)).rejects.toThrow('ENOENT');
  });

  test.each<[string, (copy: string) => Promise<unknown>, string]>([
    ['is no grading', (copy) => rm(join(copy, 'grading.json')), 'contains no grading.json'],
    ['has a damaged grading.json', (copy) => writeFile(join(copy, 'grading.json'), '{'), 'grading.json'],
    [
      'has a gap in its attempts',
      (copy) => rm(join(copy, job('a', 2), 'r2'), { recursive: true }),
      'attempt 1 of',
    ],
  ])('is refused if the folder %s', async (_, change, why) => {
    const copy = await mkdtemp(join(folder, 'copy-'));
    await cp(openOut, copy, { recursive: true });
    await change(copy);
    await expect(exportBundle(copy, join(copy, 'bundle.tar.gz'))).rejects.toThrow(why);
  });

  test('says where it cannot be written', async () => {
    await expect(exportBundle(openOut, join(folder, 'none/bundle.tar.gz'))).rejects.toThrow(
      `--out ${join(folder, 'none/bundle.tar.gz')}: cannot be written (ENOENT`,
    );
  });
});

describe('a bundle holds', () => {
  test('with every check named, against the key and the published head', async () => {
    const { holds, checks, standing, signed: number } = await verify(signed, { head: await headOf(out) });
    expect(checks.map((check) => check.name)).toEqual([
      ...['files', 'grading', 'list', 'signatures', 'chain', 'attempts', 'receipts', 'leaderboard'],
    ]);
    expect({ holds, number }).toEqual({ holds: true, number: 5 });
    expect(standing!.rows.map((row) => [row.archive, row.rank, row.baseline])).toEqual([
      ['a.tar.gz', 1, false],
      ['b.tar.gz', null, true],
    ]);
  });

  test('without a key if its runs are not signed', async () => {
    expect(await fault(unsigned, { key: null })).toBeNull();
  });
});

describe('a bundle does not hold', () => {
  test.each<[string, () => Promise<string> | string, Partial<BundleEvidence>, string]>([
    [
      'with the key of someone else',
      () => signed,
      { key: createPublicKey(strangersKey) },
      'not with the given key',
    ],
    ['without a key, though its runs are signed', () => signed, { key: null }, 'its runs are signed with'],
    [
      'with a key, though its runs are not signed',
      () => unsigned,
      {},
      'its runs are not signed with any key',
    ],
    [
      'with another published head',
      () => signed,
      { head: '0'.repeat(64) },
      'chain: the head of the chain has sha256 000',
    ],
  ])('%s', async (_, archive, evidence, why) => {
    expect(await fault(await archive(), evidence)).toContain(why);
  });

  test('if any byte of any file was changed', async () => {
    for (const path of await pathsIn(signed)) {
      const bundle = await changed(signed, (content) => flip(join(content, path)), 'no');
      const check = path === 'bundle.jws' ? /^list: / : /^files: /;
      expect([path, await fault(bundle)]).toEqual([path, expect.stringMatching(check)]);
    }
  });

  test('if a file was changed, listed and signed again; only receipts are bound to nothing else', async () => {
    for (const path of await pathsIn(signed)) {
      if (['bundle.json', 'bundle.jws', 'receipts.csv'].includes(path)) continue;
      const bundle = await changed(signed, (content) => flip(join(content, path)));
      expect([path, await fault(bundle)]).toEqual([path, expect.any(String)]);
    }
  }, 60_000);

  test('if any file is missing, though the list says nothing of it', async () => {
    for (const path of await pathsIn(signed)) {
      if (['bundle.json', 'bundle.jws'].includes(path)) continue;
      const bundle = await changed(signed, (content) => rm(join(content, path)));
      expect([path, await fault(bundle)]).toEqual([path, expect.any(String)]);
    }
  }, 60_000);

  test.each<[string, (content: string) => Promise<unknown>, string]>([
    [
      'a run that was removed with its leaderboard written anew',
      async (content) => {
        await rm(join(content, job('b', 2)), { recursive: true });
        await judge(content);
      },
      'chain: the head of the chain',
    ],
    [
      'a run in the middle that was removed',
      async (content) => {
        await rm(join(content, job('a', 2), 'r2'), { recursive: true });
        await judge(content);
      },
      'chain: number 2 is missing',
    ],
    [
      'a record beside its signed one that says more',
      async (content) => {
        await edit(join(content, job('a', 1), 'r1/record.json'), '"correct":900', '"correct":901');
      },
      'signatures: runs/',
    ],
    [
      'a leaderboard that ranks another first',
      (content) => edit(join(content, 'public/leaderboard.md'), '| 1 |', '| 2 |'),
      'leaderboard: public/leaderboard.md does not follow from the records: line 13 differs',
    ],
    [
      'other rules: more disturbance',
      (content) => edit(join(content, 'grading.json'), '"bubblewrap"', '"docker"'),
      'leaderboard: public/leaderboard.json does not follow from the records',
    ],
    [
      'a key of its own in place of the organizer’s',
      (content) => edit(join(content, 'grading.json'), /"haet1[^"]*"/, 'null'),
      'grading: its runs are not signed with any key',
    ],
    [
      'a file that does not belong there',
      (content) => writeFile(join(content, 'runs/x.html'), '<script>'),
      'files: "runs/x.html" does not belong into a bundle',
    ],
    [
      'a model',
      (content) => writeFile(join(content, job('a', 1), 'r1/weights'), ''),
      'does not belong into a bundle',
    ],
    [
      'a commitment to another set',
      (content) =>
        writeFile(
          join(content, 'commitment.json'),
          JSON.stringify({
            schemaVersion: 2,
            sealedSha256: 'f'.repeat(64),
            seedsSha256: 'f'.repeat(64),
            terms: {},
          }),
        ),
      'commitment.json',
    ],
    [
      'no receipt of an archive',
      (content) => edit(join(content, 'receipts.csv'), /b\.tar\.gz.*\r\n/, ''),
      'receipts: b.tar.gz has no receipt',
    ],
  ])('with %s', async (_, change, why) => {
    const bundle = await changed(signed, async (content) => void (await change(content)));
    expect(await fault(bundle)).toContain(why);
  });

  /** Adds a rejudging that replaces the first run of a, and counts another run in its place. */
  async function replaceRun(content: string): Promise<void> {
    const at = '2026-11-22T10:00:00.000Z';
    const name = basename(job('a', 2));
    const common = { schemaVersion: 1, number: 1, at };
    const start = {
      ...{ ...common, action: 'start', reason: 'none', terms: termsText(await readGrading(content)) },
      ...{ selected: { files: [], seeds: [], verdicts: [] }, jobs: [{ job: name, runs: ['r3'] }] },
    };
    const end = { ...common, action: 'apply', jobs: [{ job: name, runs: [] }] };
    const log = join(content, 'rejudgings.jsonl');
    await writeFile(log, [start, end].map((step) => `${JSON.stringify(step)}\n`).join(''));
  }

  test.each<[string, (content: string) => Promise<unknown>]>([
    ['voids an attempt by a rejudging', replaceRun],
    ['has lost a decision', (content) => rm(join(content, 'decisions.jsonl'))],
    [
      'has another reason for a decision',
      (content) => edit(join(content, 'decisions.jsonl'), 'disk', 'mood'),
    ],
    [
      'allows fewer repeats than the contest had',
      (content) => edit(join(content, 'grading.json'), '"retries": 1', '"retries": 0'),
    ],
    [
      'ranks a baseline',
      (content) => edit(join(content, 'grading.json'), /"baselines": \[[^\]]*\]/, '"baselines": []'),
    ],
    ['has an earlier receipt', (content) => edit(join(content, 'receipts.csv'), '2026-11-21', '2026-11-11')],
    [
      'has one more void attempt, which nothing signs',
      async (content) => {
        await addRun(content, { archive: 'b', run: 'r8', name: 'B', attempt: 2, verdict: 'INFRA_FAULT' });
        const run = join(content, job('b', 1), 'r8');
        for (const name of ['model', 'train.stdout.log']) await rm(join(run, name), { recursive: true });
      },
    ],
    [
      'has lost what voided an attempt: the mark of a canary',
      async (content) => {
        const run = join(content, job('a', 1), 'r1');
        await writeFile(join(run, 'canary.json'), '{"schemaVersion":1,"node":"n1","number":1}');
      },
    ],
  ])('that %s, with list and leaderboard written anew', async (_, change) => {
    const bundle = await changed(
      signed,
      async (content) => {
        await change(content);
        await judge(content);
      },
      'listed',
    );
    expect(await fault(bundle)).toContain('list: bundle.jws: it is the signature of another list of files');
  });

  test('without the signature of its list, or with that of someone else', async () => {
    const without = await changed(signed, (content) => rm(join(content, 'bundle.jws')), 'no');
    expect(await fault(without)).toContain('list: bundle.jws is missing');
    const others = await changed(
      signed,
      async (content) => {
        const list = await readFile(join(content, 'bundle.json'));
        await writeFile(join(content, 'bundle.jws'), await signList(list, strangersKey));
      },
      'no',
    );
    expect(await fault(others)).toMatch(/^list: bundle\.jws: it was signed with the key /);
    const record = await changed(
      signed,
      async (content) => {
        await cp(join(content, job('a', 1), 'r1/record.jws'), join(content, 'bundle.jws'));
      },
      'no',
    );
    expect(await fault(record)).toMatch(/^list: bundle\.jws: its header names the type "haet-record\+jws"/);
    const open = await changed(unsigned, (content) => writeFile(join(content, 'bundle.jws'), 'x'), 'listed');
    expect(await fault(open, { key: null })).toContain(
      'bundle.jws is there, but the grading says that no run is',
    );
  });

  test('if it claims that no run is signed, but has signed records', async () => {
    const bundle = await changed(signed, async (content) => {
      await rm(join(content, 'bundle.jws'));
      await edit(join(content, 'grading.json'), /"haet1[^"]*"/, 'null');
    });
    expect(await fault(bundle, { key: null })).toContain('is signed, but the grading says that no run is');
  });
});

describe('a hostile bundle is refused', () => {
  test.each<[string, Member[]]>([
    ['climbs', [{ path: '../bundle.json', data: '{}' }]],
    ['is absolute', [{ path: '/tmp/haet-bundle', data: '{}' }]],
    ['is a link', [{ path: 'grading.json', type: 'SymbolicLink', linkpath: '/etc/passwd' }]],
    [
      'occurs twice',
      [
        { path: 'bundle.json', data: '{}' },
        { path: 'bundle.json', data: '{}' },
      ],
    ],
    ['is deep', [{ path: 'runs/a/b/c/d', data: '{}' }]],
  ])('whose member %s', async (name, members) => {
    const place = await mkdtemp(join(folder, 'hostile-'));
    await writeFile(join(place, 'bundle.tar'), tarBytes(...members));
    expect(await fault(join(place, 'bundle.tar'))).toMatch(/^archive: member /);
    expect(name).toBeTruthy();
    await expect(readFile(join(dirname(place), 'bundle.json'))).rejects.toThrow('ENOENT');
  });

  test('that unpacks to gigabytes', async () => {
    const place = await mkdtemp(join(folder, 'bomb-'));
    await writeFile(join(place, 'bundle.json'), Buffer.alloc(100 * 2 ** 20));
    await writeArchive(place, ['bundle.json'], join(place, 'bundle.tar.gz'));
    expect(await fault(join(place, 'bundle.tar.gz'))).toMatch(/^archive: .*ratio/);
  });

  test('that is empty or cut off anywhere', async () => {
    const bytes = await readFile(signed);
    for (const length of [0, 1, 100, bytes.length >> 1, bytes.length - 9]) {
      const cut = join(folder, `cut-${length}.tar.gz`);
      await writeFile(cut, bytes.subarray(0, length));
      expect([length, await fault(cut)]).toEqual([length, expect.stringMatching(/^(archive|files): /)]);
    }
  });

  test('with JSON of any other kind in the place of its list', async () => {
    for (const text of [
      '',
      '[]',
      '{"files": 1}',
      '{"kind":"haet-records","schemaVersion":1,"files":{"a":"../b"}}',
    ]) {
      const bundle = await changed(signed, (content) => writeFile(join(content, 'bundle.json'), text), 'no');
      expect([text, await fault(bundle)]).toEqual([text, expect.stringMatching(/^files: bundle\.json: /)]);
    }
  });
});
