import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { base58btc } from 'multiformats/bases/base58';
import { expect, test } from 'vitest';
import { createSigner } from './envelope.ts';
import { keyFromPeerId, peerIdFromKey, peerIdSchema } from './ids.ts';

test('a peer id matches libp2p’s for the same key and decodes back to the key', () => {
  for (const fill of [0, 1, 127, 255]) {
    const { peer, publicKey } = createSigner(new Uint8Array(32).fill(fill));
    expect(peer).toBe(peerIdFromPublicKey(publicKeyFromRaw(publicKey)).toString());
    expect(peerIdSchema.safeParse(peer).success).toBe(true);
    expect(keyFromPeerId(peer)).toEqual(publicKey);
  }
  for (const key of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    expect(peerIdSchema.safeParse(peerIdFromKey(key)).success).toBe(true);
    expect(keyFromPeerId(peerIdFromKey(key))).toEqual(key);
  }
});

test('ids of other key types, truncated ids and other alphabets are refused', () => {
  const { peer } = createSigner(new Uint8Array(32).fill(1));
  const bad = expect.objectContaining({ code: 'bad-peer-id' });
  const secp256k1 = base58btc.baseEncode(Uint8Array.of(0, 37, 8, 2, 18, 33, 2, ...new Uint8Array(32)));
  for (const id of ['', peer.slice(0, -1), `${peer}1`, peer.replace(/.$/, '0'), peer.toLowerCase(), secp256k1]) {
    expect(() => keyFromPeerId(id), id).toThrow(bad);
  }
  expect(() => keyFromPeerId(`12D3KooW${'z'.repeat(44)}`)).toThrow(bad);
  expect(() => peerIdFromKey(new Uint8Array(31))).toThrow(expect.objectContaining({ code: 'bad-key' }));
});
