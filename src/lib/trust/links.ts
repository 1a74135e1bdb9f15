import { fromHex, toHex } from '#lib/base/bytes.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import { linkDigestBytes } from '#lib/protocol/tally.ts';
import { chainStart, type ChainLink, type ChainSide } from './chain.ts';

/**
 * Links of others' chains by digest, so that two peers can find out that they were shown different histories without telling
 * each other whose records they hold: the place is a hash over the record before, which only those who have seen it know.
 */
export interface LinkIndex {
  /** The key under which another record of the same place is kept; undefined when it is new or the same one again. */
  add(side: ChainSide, link: Pick<ChainLink, 'peer' | 'hash' | 'prev'>, key: string): string | undefined;
  /** The newest links, one digest after the other, oldest first. */
  digests(max: number): Uint8Array;
  /** Of another's digests those places that another record is known of here, with the key it is kept under. */
  conflicts(digests: Uint8Array, max: number): readonly KnownLink[];
}

export interface KnownLink {
  /** Place and record as they are known here. */
  readonly digest: Uint8Array;
  readonly key: string;
}

const { place: placeBytes, record: recordBytes } = linkDigestBytes;
const digestBytes = placeBytes + recordBytes;

/** The first 16 bytes of the place's hash, then the first 8 of the record's. */
export function linkDigest(
  side: ChainSide,
  { peer, hash, prev }: Pick<ChainLink, 'peer' | 'hash' | 'prev'>,
): Uint8Array {
  const place = fromHex(hashRecord([side, peer, prev]).slice(0, 2 * placeBytes));
  const digest = new Uint8Array(digestBytes);
  digest.set(place);
  digest.set(fromHex(hash.slice(0, 2 * recordBytes)), placeBytes);
  return digest;
}

/** @param linksMax the oldest are forgotten. */
export function createLinkIndex(linksMax: number): LinkIndex {
  const byPlace = new Map<string, KnownLink>();
  const placeOf = (digest: Uint8Array) => toHex(digest.subarray(0, placeBytes));
  const recordOf = (digest: Uint8Array) => toHex(digest.subarray(placeBytes));

  return {
    add(side, link, key) {
      // A chain may begin anew.
      if (link.prev === chainStart) return undefined;
      const digest = linkDigest(side, link);
      const place = placeOf(digest);
      const known = byPlace.get(place);
      if (known) return recordOf(known.digest) === recordOf(digest) ? undefined : known.key;
      byPlace.set(place, { digest, key });
      if (byPlace.size > linksMax) byPlace.delete(byPlace.keys().next().value!);
      return undefined;
    },
    digests(max) {
      const newest = [...byPlace.values()].slice(-max);
      const all = new Uint8Array(newest.length * digestBytes);
      for (const [index, { digest }] of newest.entries()) all.set(digest, index * digestBytes);
      return all;
    },
    conflicts(digests, max) {
      const found: KnownLink[] = [];
      for (let at = 0; at + digestBytes <= digests.length && found.length < max; at += digestBytes) {
        const theirs = digests.subarray(at, at + digestBytes);
        const known = byPlace.get(placeOf(theirs));
        if (known && recordOf(known.digest) !== recordOf(theirs)) found.push(known);
      }
      return found;
    },
  };
}
