import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { writeReport } from '../../../evaluator/report/report.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { type VerdictCode, verdictCodes, verdicts } from '../../../evaluator/run/verdict.ts';
import { madeUpRun } from './madeUpRun.ts';

const sections = (html: string) => [...html.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map(([, title]) => title);

async function reportOf(change?: (record: RunRecord) => void): Promise<string> {
  const { folder, trackDir } = await madeUpRun(1, change);
  return readFile(await writeReport(folder, { trackDir }), 'utf8');
}

/** Returns the record of a run with this verdict. */
function endAs(verdict: VerdictCode) {
  return (record: RunRecord) => {
    record.verdict = verdict;
    record.owner = verdicts[verdict].owner;
    record.advice = verdicts[verdict].advice;
    if (!verdict.startsWith('SCORED')) record.score = null;
    if (verdict === 'REJECTED_ARCHIVE') {
      record.entry = null;
      record.track = null;
      record.stages = [];
      record.progress = { lines: 0, rejected: 0, last: null };
    }
  };
}

describe('the report of a run', () => {
  test('shows every part of a scored run, in the order of interest', async () => {
    const html = await reportOf();
    expect(sections(html)).toEqual([
      'SCORED',
      'Learning curves',
      'Confusion matrix',
      'Accuracy by class',
      'Calibration',
      'Most confident mistakes',
      'Timeline',
      'Resource use',
      'Run and machine',
      'Logs',
    ]);
    expect(html.match(/<svg /g)).toHaveLength(10);
    expect(html).toContain('momentum');
    expect(html).toContain('a'.repeat(64));
  });

  test('makes no request and runs no script', async () => {
    const html = await reportOf();
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`);
    expect(html.match(/<script|@import|url\((?!#)|\son[a-z]+=/gi)).toBeNull();
    const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address!);
    expect(addresses.filter((address) => !address.startsWith('data:'))).toEqual(['record.json']);
  });

  test('shows 24 mistakes as images enlarged to 128 px, the most confident first', async () => {
    const html = await reportOf();
    const pictures = [...html.matchAll(/src="data:image\/png;base64,([^"]+)"/g)].map(([, data]) =>
      Buffer.from(data!, 'base64'),
    );
    expect(pictures).toHaveLength(24);
    expect(pictures.map((png) => [png.readUInt32BE(16), png.readUInt32BE(20)])).toEqual(
      pictures.map(() => [128, 128]),
    );
    const confidences = [...html.matchAll(/class="wrong">[a-z]+<span>(\d+)/g)].map(([, value]) =>
      Number(value),
    );
    expect(confidences).toEqual([...confidences].sort((a, b) => b - a));
  });

  test.each(verdictCodes)('states the verdict %s with owner, meaning and advice', async (verdict) => {
    const html = await reportOf(endAs(verdict));
    expect(html).toContain(`<h2 class="code">${verdict}</h2>`);
    expect(html).toContain(verdicts[verdict].owner);
    expect(html).toContain(verdicts[verdict].meaning);
    expect(html).toContain(verdicts[verdict].advice);
    expect(html.includes('95 % interval')).toBe(verdict.startsWith('SCORED'));
    expect(html.match(/NaN|undefined|\[object/g)).toBeNull();
  });

  test('shows how late after the deadline it was stopped', async () => {
    const html = await reportOf((record) => {
      const train = record.stages[0]!;
      Object.assign(train, { ended: 'deadline', exitCode: null, signal: 'SIGKILL', seconds: 600.012 });
      train.kill = {
        signalledAtSeconds: 600,
        stoppedAtSeconds: 600.012,
        goneAtSeconds: 600.1,
        overshootMs: 12.3,
        processesKilled: 3,
      };
    });
    expect(html).toContain('3 processes, stopped 12 ms after the deadline');
    expect(html).toContain('stopped 12 ms after the deadline of 600.0 s');
  });

  test('names the GPUs that the entry could use, or says that there were none', async () => {
    const gpus = [5, 6].map((digit) => ({ uuid: `GPU-${digit}`, model: 'NVIDIA L4' }));
    const html = await reportOf((record) => Object.assign(record, { gpus }));
    expect(html).toContain('<dt>GPUs given</dt><dd>NVIDIA L4 (GPU-5), NVIDIA L4 (GPU-6)</dd>');
    expect(await reportOf()).toContain('<dt>GPUs given</dt><dd>none</dd>');
  });

  test('escapes hostile text everywhere', async () => {
    const attack = `"><script>alert(1)</script><img src=x onerror=alert(2)>`;
    const { folder, trackDir } = await madeUpRun(1, (record) => {
      record.entry = { name: attack, team: attack, path: attack, sha256: attack };
      record.evidence = [attack];
      record.stages[0]!.argv = [attack];
      record.stages[0]!.signal = attack;
      record.track!.name = attack;
      record.track!.classes[3] = attack;
      record.score!.details!.perClass[3]!.name = attack;
    });
    await writeFile(join(folder, 'train.stderr.log'), attack);
    await writeFile(join(folder, 'model', 'settings.json'), JSON.stringify({ [attack]: attack }));
    const html = await readFile(await writeReport(folder, { trackDir }), 'utf8');
    expect(html.match(/<script|<img src=x/g)).toBeNull();
    expect(html).toContain('&lt;script>');
    expect(html.match(/"[^"<]*"><script/g)).toBeNull();
  });

  test.each([
    ['progress.jsonl', 'no valid progress lines'],
    ['predictions', 'Images of mistakes are missing'],
    ['track', 'Images of mistakes are missing'],
    ['model', 'Entry and data'],
    ['train.stderr.log', 'train.stdout.log'],
  ])('is also written if %s is missing', async (name, said) => {
    const { folder, trackDir } = await madeUpRun();
    await rm(join(folder, name), { recursive: true });
    const html = await readFile(await writeReport(folder, { trackDir }), 'utf8');
    expect(html).toContain(said);
    expect(html).toContain('</html>');
  });

  test.each([
    ['settings that are not JSON', 'model/settings.json', 'lr = 0.1', '<pre>lr = 0.1</pre>'],
    ['settings that are a list', 'model/settings.json', '[1, 2]', '<pre>[1, 2]</pre>'],
    [
      'progress that is nonsense',
      'progress.jsonl',
      'x\n{"atSeconds":"soon"}\n[]\n',
      'no valid progress lines',
    ],
    [
      'an extremely large loss',
      'progress.jsonl',
      '{"atSeconds":1,"loss":1e308}\n{"atSeconds":2,"loss":-1e308}\n{"atSeconds":3,"loss":1e308}\n',
      'Training loss',
    ],
    ['a single point', 'progress.jsonl', '{"atSeconds":1,"loss":2}\n', 'Training loss'],
    ['predictions cut short', 'predictions/predictions.npy', 'NUMPY?', 'Images of mistakes are missing'],
  ])('survives %s', async (_, file, content, said) => {
    const { folder, trackDir } = await madeUpRun();
    await writeFile(join(folder, file), content);
    const html = await readFile(await writeReport(folder, { trackDir }), 'utf8');
    expect(html).toContain(said);
    expect(html.match(/NaN|Infinity|undefined/g)).toBeNull();
  });

  test.each(['/etc/hostname', '/dev/zero'])(
    'does not follow a link from the settings to %s',
    async (target) => {
      const { folder } = await madeUpRun();
      await rm(join(folder, 'model', 'settings.json'));
      await symlink(target, join(folder, 'model', 'settings.json'));
      const html = await readFile(await writeReport(folder, { trackDir: null }), 'utf8');
      expect(html).not.toContain('Settings of the entry');
    },
  );

  test('lists the most common confusions if a table of all classes would not be readable', async () => {
    const html = await reportOf((record) => {
      const names = Array.from({ length: 100 }, (_, at) => `a rather long class name ${at}`);
      record.track!.classes = names;
      record.score!.details!.perClass = names.map((name) => ({ name, correct: 8, total: 10, accuracy: 0.8 }));
      record.score!.details!.confusion = names.map((_, truth) =>
        names.map((_, predicted) => (truth === predicted ? 8 : (truth + 1) % 100 === predicted ? 2 : 0)),
      );
    });
    expect(html).toContain('The most common confusions');
    expect(html).not.toContain('class="confusion"');
  });

  test('rejects a folder without a record, by name', async () => {
    const { folder } = await madeUpRun();
    await rm(join(folder, 'record.json'));
    await expect(writeReport(folder, { trackDir: null })).rejects.toThrow(UserError);
    await writeFile(join(folder, 'record.json'), '{"schemaVersion": 3}');
    await expect(writeReport(folder, { trackDir: null })).rejects.toThrow(
      /record\.json: is not the record of a run/,
    );
    await writeFile(join(folder, 'record.json'), '{"schemaVersion": 1}');
    await expect(writeReport(folder, { trackDir: null })).rejects.toThrow(
      /record\.json: is a record of version 1, but this haet reads version 3\. Use the haet that wrote it/,
    );
  });
});
