import { readFile, stat } from 'node:fs/promises';
import { TabloomError } from '#lib/base/errors.ts';
import { catalog } from '#lib/engine/catalog.ts';
import { readListing } from '#lib/protocol/listing.ts';
import type { ModelListing } from './gateway/routes/status.ts';

const fileBytesMax = 4 * 1024 * 1024;

/** Who has checked an artefact, and until when that holds in milliseconds since the epoch; undefined where nobody has. */
export type ListingOf = (artefact: string) => 'catalogue' | ModelListing | undefined;

/**
 * Which models somebody has checked: those of the catalogue, and those whose signed listings the operator has given. Whose listings are
 * believed is the operator's choice of files.
 * @throws `bad-setting` for a file that is no listing, or one that does not hold now.
 */
export async function loadListings(files: readonly string[], now: () => number): Promise<ListingOf> {
  const inCatalog = new Set(catalog.map(({ artefact }) => artefact));
  const listings = new Map<string, ModelListing>();
  for (const file of files) {
    try {
      if ((await stat(file)).size > fileBytesMax) throw new Error('it is too large');
      const { listing, signer } = readListing(JSON.parse(await readFile(file, 'utf8')), now());
      listings.set(listing.artefact, { by: signer, expiresAt: listing.expiresAt });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TabloomError('bad-setting', `LISTINGS names ${file}, which cannot be used: ${why}`, { cause });
    }
  }
  return (artefact) => {
    if (inCatalog.has(artefact)) return 'catalogue';
    const signed = listings.get(artefact);
    return signed && signed.expiresAt > now() ? signed : undefined;
  };
}
