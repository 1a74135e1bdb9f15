import type { Directory, DirectoryEntry } from '#lib/market/spec.ts';
import { offersTopic, shardsOf } from '#lib/protocol/find.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/** Offers up to which whoever needs them is told to subscribe to their topic: as many as a find stream carries. */
export const smallNetworkMax = 64;
/** Connections of a relay up to which this is so. */
export const smallConnectionsMax = 200;
/** Once large, a network is small again only well below, so that it does not change with every offer. */
const smallAgainMax = 48;

/** How many offers there are on the topic of everything and on each of the shards. */
export interface NetworkSizes {
  of(topic: string): 'small' | 'large';
}

export function createNetworkSizes(directory: Pick<Directory, 'serving' | 'onChange'>): NetworkSizes {
  const topicsOf = new Map<PeerId, ReadonlySet<string>>();
  const counts = new Map<string, number>();
  const large = new Set<string>();

  const count = (topic: string, change: 1 | -1) => {
    const offers = (counts.get(topic) ?? 0) + change;
    if (offers > 0) counts.set(topic, offers);
    else counts.delete(topic);
    const isLarge = offers > (large.has(topic) ? smallAgainMax : smallNetworkMax);
    if (isLarge === large.has(topic)) return;
    if (isLarge) large.add(topic);
    else large.delete(topic);
  };
  const note = (peer: PeerId, topics: readonly string[]) => {
    const [before, after] = [topicsOf.get(peer) ?? new Set<string>(), new Set(topics)];
    if (after.size > 0) topicsOf.set(peer, after);
    else topicsOf.delete(peer);
    for (const topic of before) if (!after.has(topic)) count(topic, -1);
    for (const topic of after) if (!before.has(topic)) count(topic, 1);
  };
  const noteOffer = ({ offer }: DirectoryEntry) => note(offer.peer, [offersTopic, ...shardsOf(offer.models)]);
  directory.serving('any').forEach(noteOffer);
  directory.onChange((change) => {
    if (change.type === 'offer') noteOffer(change.entry);
    else note(change.peer, []);
  });
  return { of: (topic) => (large.has(topic) ? 'large' : 'small') };
}
