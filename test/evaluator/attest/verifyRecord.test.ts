import { createPublicKey, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CompactSign } from 'jose';
import type { OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { signRecord } from '../../../evaluator/attest/signedRecord.ts';
import { keyId } from '../../../evaluator/attest/signingKey.ts';
import { verifyRecord } from '../../../evaluator/attest/verifyRecord.ts';
import { key, madeUpOfficial, signingKey, strangersKey } from './madeUpOfficial.ts';

let official: OfficialRecord;
let jws: string;
beforeAll(async () => {
  ({ official } = await madeUpOfficial());
  jws = await signRecord(official, signingKey);
});

const verify = (text: string | Uint8Array) => verifyRecord(Buffer.from(text), { key });
const failureOf = async (text: string | Uint8Array) => {
  const { holds, checks } = await verify(text);
  const { name, says } = checks.at(-1)!;
  return { holds, name, says };
};

/** Signs any content under any header, as an attacker would. */
const forge = (payload: unknown, header: Record<string, unknown>, by: KeyObject) =>
  new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader(header as { alg: string })
    .sign(by);
const headerOf = async (by: KeyObject) => ({
  alg: 'EdDSA',
  typ: 'haet-record+jws',
  kid: await keyId(createPublicKey(by)),
});

test('round-trips a signed record', async () => {
  const { holds, checks, official: read } = await verify(jws);
  expect(checks.filter((check) => !check.holds)).toEqual([]);
  expect(holds).toBe(true);
  expect(read).toEqual(official);
  expect(checks.map((check) => check.name)).toEqual([
    'form',
    'header',
    'signature',
    'schema',
    'verdict',
    'score',
    'interval',
    'limits',
    'times',
    'resources',
    'held',
    'kill receipts',
    'digests',
    'chain',
  ]);
});

describe('changes to its bytes', () => {
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(jws);
    bytes[at] = value;
    return bytes;
  };

  test('detects one changed byte anywhere', async () => {
    const property = fc.asyncProperty(
      fc.nat(jws.length - 1),
      fc.integer({ min: 0, max: 255 }),
      async (at, value) => {
        fc.pre(jws.charCodeAt(at) !== value);
        const { holds, official: believed } = await verify(changed(at, value));
        expect({ holds, believed }).toEqual({ holds: false, believed: null });
      },
    );
    await fc.assert(property, { numRuns: 1000 });
  });

  test('detects any changed byte at part boundaries', async () => {
    const dots = [jws.indexOf('.'), jws.lastIndexOf('.')];
    const edges = [0, ...dots.flatMap((dot) => [dot - 1, dot, dot + 1]), jws.length - 1];
    for (const at of edges) {
      for (let value = 0; value < 256; value++) {
        if (value === jws.charCodeAt(at)) continue;
        expect({ at, value, ...(await verify(changed(at, value))) }).toMatchObject({
          at,
          value,
          holds: false,
        });
      }
    }
  });

  test('detects a second way to write the same signature', async () => {
    const other = jws.slice(0, -1) + String.fromCharCode(jws.charCodeAt(jws.length - 1) + 1);
    const signature = (text: string) => Buffer.from(text.slice(text.lastIndexOf('.') + 1), 'base64url');
    expect(signature(other)).toEqual(signature(jws));
    expect(await failureOf(other)).toEqual({
      holds: false,
      name: 'form',
      says: 'its signature is not canonical base64url: a character was changed',
    });
  });

  test('detects a byte added or removed anywhere', async () => {
    const property = fc.asyncProperty(
      fc.nat(jws.length),
      fc.integer({ min: 0, max: 255 }),
      async (at, value) => {
        const bytes = Buffer.from(jws);
        const longer = Buffer.concat([bytes.subarray(0, at), Buffer.from([value]), bytes.subarray(at)]);
        expect((await verify(longer)).holds).toBe(false);
        if (at === jws.length) return;
        const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        expect((await verify(shorter)).holds).toBe(false);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  test('any bytes give one error', async () => {
    const property = fc.asyncProperty(
      fc.oneof(
        fc.uint8Array(),
        fc.string().map(Buffer.from),
        fc.stringMatching(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$/).map(Buffer.from),
      ),
      async (bytes) => {
        const { holds, name, says } = await failureOf(bytes);
        expect(holds).toBe(false);
        expect(['form', 'header']).toContain(name);
        expect(says).toMatch(/^[ -~…]{10,}$/);
      },
    );
    await fc.assert(property);
  });

  test.each([
    [
      'a line break at its end',
      () => `${jws}\n`,
      /^byte \d+ is 0x0a, which is not allowed; not even a line break/,
    ],
    ['nothing', () => '', /has 1 parts separated by dots/],
    ['a part more', () => `${jws}.e30`, /has 4 parts/],
    ['no signature', () => jws.slice(0, jws.lastIndexOf('.') + 1), /its signature is empty/],
  ])('reports %s', async (_, text, says) => {
    expect(await failureOf(text())).toMatchObject({ name: 'form', says: expect.stringMatching(says) });
  });

  test('does not read more bytes than a record can have', async () => {
    const { holds, checks } = await verifyRecord(Buffer.alloc(90 * 2 ** 20, 'A'), { key });
    expect(holds).toBe(false);
    expect(checks.at(-1)!.says).toContain('larger than any record');
  });
});

describe('changes to what is signed', () => {
  test('detects any changed value of the record signed by another key, whichever key it names', async () => {
    const paths = leavesOf(official);
    expect(paths.length).toBeGreaterThan(500);
    const property = fc.asyncProperty(fc.nat(paths.length - 1), fc.boolean(), async (index, posing) => {
      const forged = structuredClone(official);
      changeLeaf(forged, paths[index]!);
      const header = await headerOf(posing ? signingKey : strangersKey);
      const { holds, name } = await failureOf(await forge(forged, header, strangersKey));
      expect({ holds, name }).toEqual({ holds: false, name: posing ? 'signature' : 'header' });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test('detects any changed value of the record under the old signature', async () => {
    const paths = leavesOf(official);
    const [header, , signature] = jws.split('.');
    const property = fc.asyncProperty(fc.nat(paths.length - 1), async (index) => {
      const forged = structuredClone(official);
      changeLeaf(forged, paths[index]!);
      const payload = Buffer.from(JSON.stringify(forged)).toString('base64url');
      expect(await failureOf(`${header}.${payload}.${signature}`)).toMatchObject({
        holds: false,
        name: 'signature',
        says: expect.stringContaining('the record was changed'),
      });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test('accepts only the exact header', async () => {
    const header = await headerOf(signingKey);
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const [, payload, signature] = jws.split('.');
    const under = (value: unknown) => failureOf(`${encode(value)}.${payload}.${signature}`);

    expect(await under({ ...header, alg: 'none' })).toMatchObject({
      name: 'header',
      says: 'its header names the algorithm "none"; only "EdDSA" is accepted',
    });
    expect(await under({ ...header, alg: 'HS256' })).toMatchObject({ name: 'header' });
    expect(await under({ ...header, typ: 'JWT' })).toMatchObject({
      name: 'header',
      says: 'its header names the type "JWT"; expected "haet-record+jws"',
    });
    expect(await under({ ...header, crit: ['b64'], b64: false })).toMatchObject({
      name: 'header',
      says: 'its header has the unknown field "crit"',
    });
    expect(await under({ ...header, jwk: {} })).toMatchObject({ name: 'header' });
    expect(await under({ ...header, kid: 'x\u001b[31m\u009b' })).toMatchObject({
      name: 'header',
      says: expect.stringMatching(/^it was signed with the key "x\\u001b\[31m\?", but the given key is "/),
    });
    expect(await under([])).toMatchObject({ name: 'header', says: 'its header is not a JSON object' });
    expect(
      await failureOf(`${Buffer.from('{').toString('base64url')}.${payload}.${signature}`),
    ).toMatchObject({
      name: 'header',
      says: 'its header is not JSON',
    });
  });

  test('rejects a payload that the organizer signed under another type', async () => {
    const header = await headerOf(signingKey);
    expect(await failureOf(await forge({ ...official, schemaVersion: 1 }, header, signingKey))).toMatchObject(
      {
        name: 'schema',
        says: 'its payload is an official record of version 1, but this haet reads version 4: verify it with the haet that wrote it',
      },
    );
    const { killReceipts: _, ...less } = official;
    expect(await failureOf(await forge(less, header, signingKey))).toMatchObject({ name: 'schema' });
    expect(await failureOf(await forge({ ...official, more: 1 }, header, signingKey))).toMatchObject({
      name: 'schema',
      says: expect.stringContaining('"more"'),
    });
    const noise = await new CompactSign(Buffer.from([0xff, 0x7b]))
      .setProtectedHeader(header)
      .sign(signingKey);
    expect(await failureOf(noise)).toMatchObject({ name: 'schema', says: 'its payload is not JSON' });
  });

  test('refuses to sign an invalid record', async () => {
    const wrong = { ...official, digests: { ...official.digests, archive: 'abc' } };
    await expect(signRecord(wrong, signingKey)).rejects.toThrow('64 hexadecimal digits');
  });
});

type Path = readonly (string | number)[];

/** Returns the path of each value that is neither object nor list. */
function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, below]) => leavesOf(below, [...path, name]));
}

/** Returns another value of the same type. */
function changeLeaf(root: unknown, path: Path): void {
  const parent = path.slice(0, -1).reduce((value, name) => (value as Record<string, unknown>)[name], root);
  const name = path.at(-1)!;
  const holder = parent as Record<string | number, unknown>;
  const old = holder[name];
  holder[name] = typeof old === 'number' ? old + 1 : typeof old === 'string' ? `${old}x` : 'x';
}
