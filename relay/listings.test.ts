import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoModel } from '#lib/engine/catalog.ts';
import { artefactId } from '#lib/protocol/artefact.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { signListing } from '#lib/protocol/listing.ts';
import { loadListings } from './listings.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-listings-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const day = 86_400_000;
const files = [{ path: 'model.gguf', sizeBytes: 9, sha256: 'a'.repeat(64) }];
const artefact = artefactId({ files });
const listing = {
  artefact,
  name: 'model',
  files,
  format: 'gguf',
  licence: 'MIT',
  checks: [{ check: 'format', result: 'passed' }],
  issuedAt: 1_000 * day,
  expiresAt: 1_010 * day,
} as const;

test('a model is listed by the catalogue, or by a listing until it expires', async () => {
  const file = join(folder, 'listing.json');
  const signed = signListing(
    { ...listing, files, checks: [...listing.checks] },
    createSigner(new Uint8Array(32).fill(1)),
  );
  await writeFile(file, JSON.stringify(signed));
  let now = 1_001 * day;
  const listingOf = await loadListings([file], () => now);
  const signedBy = { by: createSigner(new Uint8Array(32).fill(1)).peer, expiresAt: listing.expiresAt };
  expect([demoModel.artefact, artefact, 'b'.repeat(64)].map(listingOf)).toEqual(['catalogue', signedBy, undefined]);
  now = 1_010 * day;
  expect([demoModel.artefact, artefact].map(listingOf)).toEqual(['catalogue', undefined]);
  await expect(loadListings([file], () => now)).rejects.toMatchObject({ code: 'bad-setting' });
  await writeFile(file, JSON.stringify({ ...signed, signature: '0'.repeat(128) }));
  await expect(loadListings([file], () => 1_001 * day)).rejects.toMatchObject({ code: 'bad-setting' });
  await expect(loadListings([join(folder, 'none')], () => now)).rejects.toMatchObject({ code: 'bad-setting' });
});
