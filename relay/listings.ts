import { readFile, stat } from 'node:fs/promises';
import { TabloomError } from '#lib/base/errors.ts';
import { catalog } from '#lib/engine/catalog.ts';
import { readListing, type Listing } from '#lib/protocol/listing.ts';

const fileBytesMax = 4 * 1024 * 1024;

/**
 * Which models somebody has checked: those of the catalogue, and those whose signed listings the operator has given. Whose listings are
 * believed is the operator's choice of files.
 * @throws `bad-setting` for a file that is no listing, or one that does not hold now.
 */
export async function loadListings(
  files: readonly string[],
  now: () => number,
): Promise<(artefact: string) => boolean> {
  const inCatalog = new Set(catalog.map(({ artefact }) => artefact));
  const listings = new Map<string, Listing>();
  for (const file of files) {
    try {
      if ((await stat(file)).size > fileBytesMax) throw new Error('it is too large');
      const { listing } = readListing(JSON.parse(await readFile(file, 'utf8')), now());
      listings.set(listing.artefact, listing);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TabloomError('bad-setting', `LISTINGS names ${file}, which cannot be used: ${why}`, { cause });
    }
  }
  return (artefact) => inCatalog.has(artefact) || (listings.get(artefact)?.expiresAt ?? 0) > now();
}
