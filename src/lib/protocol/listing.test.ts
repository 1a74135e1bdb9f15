import { expect, test } from 'vitest';
import { artefactId } from './artefact.ts';
import { createSigner } from './envelope.ts';
import { readListing, signListing, type Listing } from './listing.ts';

const signer = createSigner(new Uint8Array(32).fill(5));
const files = [{ path: 'model.gguf', sizeBytes: 9, sha256: 'a'.repeat(64) }];
const day = 86_400_000;
const listing: Listing = {
  artefact: artefactId({ files }),
  name: 'model',
  files,
  format: 'gguf',
  licence: 'MIT',
  checks: [{ check: 'format', result: 'passed' }],
  issuedAt: 1_000 * day,
  expiresAt: 1_090 * day,
};
const code = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
  return undefined;
};

test('a signed listing is read as it was, and says who signed it, until it expires', () => {
  const signed = JSON.parse(JSON.stringify(signListing(listing, signer))) as unknown;
  expect(readListing(signed, 1_001 * day)).toEqual({ listing, signer: signer.peer });
  expect(code(() => readListing(signed, 1_090 * day))).toBe('listing-expired');
  expect(code(() => readListing(signed, 900 * day))).toBe('listing-expired');
});

test('changed, of another key, or of no shape it is refused', () => {
  const signed = signListing(listing, signer);
  const other = createSigner(new Uint8Array(32).fill(6));
  const now = 1_001 * day;
  for (const [bad, expected] of [
    [{ ...signed, listing: { ...listing, licence: 'none' } }, 'bad-signature'],
    [{ ...signed, key: signListing(listing, other).key }, 'bad-signature'],
    [{ ...signed, listing: { ...listing, artefact: 'b'.repeat(64) } }, 'bad-record'],
    [{ ...signed, signature: 'x' }, 'bad-record'],
    [{ ...signed, listing: { ...listing, checks: [{ check: 'format', result: 'failed' }] } }, 'bad-record'],
    [null, 'bad-record'],
  ] as const) {
    expect(code(() => readListing(bad, now))).toBe(expected);
  }
});

test('none is signed that holds for ever, or for other files than its artefact has', () => {
  expect(code(() => signListing({ ...listing, expiresAt: 1_181 * day }, signer))).toBe('bad-record');
  expect(code(() => signListing({ ...listing, expiresAt: listing.issuedAt }, signer))).toBe('bad-record');
  expect(code(() => signListing({ ...listing, files: [] }, signer))).toBe('bad-record');
});
