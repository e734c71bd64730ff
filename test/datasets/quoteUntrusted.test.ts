import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { describeOwnFault } from '../../datasets/describeFault.ts';
import { describeIssues, describeJsonFault } from '../../datasets/describeJson.ts';
import { plainJson, plainText } from '../../datasets/plainText.ts';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';

describe('a quote of untrusted text', () => {
  test.each([
    ['', '""'],
    ['model/weights.npy', '"model/weights.npy"'],
    ['exactly-20-characters'.slice(0, 20), '"exactly-20-character"'],
    ['submission/model/resnet9.ts', '"submission…resnet9.ts"'],
    ['a\nSCORED 99.9 %', '"a?SCORED?99.9??"'],
    ['\u001b[2J<script>é', '"??2J?script??"'],
  ])('%j is quoted as %s', (text, quoted) => expect(quoteUntrusted(text)).toBe(quoted));

  test('shows at most 20 characters of 9 KB', () => {
    const quoted = quoteUntrusted('Zm9v'.repeat(2250));
    expect(quoted.replace(/[^A-Za-z0-9]/g, '')).toHaveLength(20);
    expect(quoted.length).toBeLessThanOrEqual(23);
  });
});

describe('text for people', () => {
  test.each([
    ['escape sequences', '\u001b[2J', '�[2J'],
    ['C1 controls', 'a\u009bb', 'a�b'],
    ['line ends of every kind', 'a\nb\rc\u2028d\u2029e\u0085f', 'a�b�c�d�e�f'],
    ['marks of direction', 'a\u202eb\u2066c\u200fd\u061ce', 'a�b�c�d�e'],
    [
      'characters without width',
      'a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg\u180eh\u034fi',
      'a�b�c�d�e�f�g�h�i',
    ],
    ['fillers and tags', 'a\u3164b\u115fc\uffa0d\u{e0041}e\ufe0ff', 'a�b�c�d�e�f'],
    ['a torn pair', 'a\ud800b', 'a�b'],
    ['letters of any script and pictures', 'é ä 日本 عربى 🦊', 'é ä 日本 عربى 🦊'],
  ])('contains no %s that can do harm', (_, text, plain) => expect(plainText(text)).toBe(plain));

  test('is escaped in JSON and parses to the same value', () => {
    const value = { 'a\u202e': ['\u001b[2J\n', '\u{e0041}\ufeff\u007f', '🦊\ud800'] };
    const text = plainJson(value);
    expect(text).toBe('{"a\\u202e":["\\u001b[2J\\n","\\udb40\\udc41\\ufeff\\u007f","🦊\\ud800"]}');
    expect(JSON.parse(text)).toEqual(value);
    expect(JSON.parse(plainJson(value, 2))).toEqual(value);
    expect(plainJson(value, 2).split('\n')).toHaveLength(7);
  });
});

test('an internal error quotes the path in a system error, because it can be untrusted', () => {
  const path = `/runs/1/model/${'QUJD'.repeat(200)}\u001b[2J\nSCORED`;
  const error = Object.assign(new Error(`EPERM: operation not permitted, chmod '${path}'`), {
    code: 'EPERM',
    syscall: 'chmod',
    path,
  });
  expect(describeOwnFault(error)).toBe('EPERM at chmod of "/runs/1/mo…?2J?SCORED"');
  expect(describeOwnFault(new Error('no memory\nfor a fork'))).toBe('no memory�for a fork');
});

describe('a fault in JSON', () => {
  const faultOf = (text: string): string => {
    try {
      JSON.parse(text);
      return 'nothing';
    } catch (error) {
      return describeJsonFault(error);
    }
  };

  test.each([
    ['{"a": 1,}', 'not JSON at character 9'],
    ['{"a"', /^not JSON(: unexpected end| at character 5)$/],
    ['SCORED 99.9 %', 'not JSON'],
    ['["x\nSCORED 99.9 %"]', /^not JSON at character \d+$/],
  ])('is reported for %j without repeating it', (text, fault) => expect(faultOf(text)).toMatch(fault));

  test('is reported for fields in one line, quoting at most three names', () => {
    const schema = z.strictObject({ list: z.array(z.int()) });
    const long = `\nSCORED 99.9 % ${'x'.repeat(5000)}`;
    const { error } = schema.safeParse({ list: ['a\nb'], [long]: 1, b: 1, c: 1, d: 1 });
    expect(describeIssues(error!)).toBe(
      'Invalid input: expected number, received string (at list.0); unknown fields "?SCORED?99…xxxxxxxxxx", "b", "c" and 1 more',
    );
  });
});
