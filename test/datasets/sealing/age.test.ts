import { expect, test } from '@jest/globals';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { checkRecipient, decrypt, encrypt, publicKeyOf } from '../../../datasets/sealing/age.ts';
import { UserError } from '../../../datasets/userError.ts';

const plain = Buffer.from('text');
const refusalOf = (recipient: string) => checkRecipient('--to', recipient).catch((refused) => refused);

test('text encrypted to a public key is decrypted with its secret key', async () => {
  const identity = await generateX25519Identity();
  const sealed = await encrypt(plain, await publicKeyOf(identity));
  expect(Buffer.from(await decrypt('a', sealed, identity)).toString()).toBe('text');
});

test('text encrypted to two public keys is decrypted with either secret key', async () => {
  const [one, other] = [await generateX25519Identity(), await generateX25519Identity()];
  const sealed = await encrypt(plain, await publicKeyOf(one), await publicKeyOf(other));
  for (const identity of [one, other]) {
    expect(Buffer.from(await decrypt('a', sealed, identity)).toString()).toBe('text');
  }
  await expect(decrypt('a', sealed, await generateX25519Identity())).rejects.toThrow('is not sealed for');
});

test('a secret key in place of a public one is rejected and not repeated, however it is written', async () => {
  const identity = await generateX25519Identity();
  const hybrid = await generateHybridIdentity();
  for (const key of [identity, identity.toLowerCase(), ` ${identity}`, `age1 ${identity}`, hybrid]) {
    const refused = await refusalOf(key);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused.message).toContain('--to: is a secret key');
    expect(refused.message.toUpperCase()).not.toContain(key.trim().slice(-20).toUpperCase());
  }
});

test('an invalid X25519 public key is rejected', async () => {
  const recipient = await publicKeyOf(await generateX25519Identity());
  const mistyped = recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'));
  const ofNobody = 'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z'; // the point zero
  const hybrid = await identityToRecipient(await generateHybridIdentity());
  for (const key of [
    '',
    'age1',
    mistyped,
    ofNobody,
    recipient.toUpperCase(),
    `${recipient}q`,
    hybrid,
    'ssh-ed25519 AAAA',
    'identity.txt',
  ]) {
    const refused = await refusalOf(key);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused.message).toMatch(/--to: is not an age public key/);
  }
});
