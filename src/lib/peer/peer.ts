import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { Startable } from '#lib/base/startable.ts';
import { catalog } from '#lib/engine/catalog.ts';
import { createDirectory } from '#lib/market/directory.ts';
import type { Catalogue } from '#lib/market/names.ts';
import type { Directory } from '#lib/market/spec.ts';
import { noStanding, withFork, withVouch } from '#lib/market/standing.ts';
import type { Net } from '#lib/net/spec.ts';
import type { Agreement, Purse, Till } from '#lib/pay/ports.ts';
import type { CloseRequest } from '#lib/protocol/closing.ts';
import type { Signer } from '#lib/protocol/envelope.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createAnswerStore } from './serve/answer-store.ts';
import type { Policy } from './serve/admit.ts';
import { askToClose } from './ask/close-channel.ts';
import { createConsumer, type ConsumerComponents } from './ask/consume.ts';
import { openPaidWork } from './ask/paid-work.ts';
import type { TierCheck } from './tiers/check.ts';
import { connectedRelays, createDiscoveryClient, type Listing, type RelayTime } from './presence/discovery-client.ts';
import { openSequence } from './identity.ts';
import { createDiscoveryServer } from './presence/discovery-server.ts';
import { createPresence } from './presence/presence.ts';
import { createWishes, type Wishes } from './presence/wishes.ts';
import { createChannelCloser } from './serve/close-channels.ts';
import { createProvider, type ProviderComponents } from './serve/provide.ts';
import { createReceiptBook, type ReceiptBook } from './receipt-book.ts';
import { openReputation, type Reputation } from './reputation/reputation.ts';
import type { Consumer, Provider, Scorer } from './spec.ts';
import { openTrackRecord, type TrackRecord } from './track-record.ts';

/**
 * Everything a peer is made of. A tab, a native provider and a relay's gateway differ only in these:
 *
 * | | discovery | role | offers models |
 * |---|---|---|---|
 * | tab | `client` | `tab` | while its user shares, or for this device alone |
 * | native provider | `client` | `native` | always |
 * | relay with its gateway | `server` | `native` | never |
 */
export interface PeerComponents {
  /** Made with the same seed as `signer`; started and stopped by the peer. */
  readonly net: Net;
  readonly signer: Signer;
  /** Keeps receipts, the chain of them and the sequence number of the offers. */
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly role: Offer['role'];
  /** What its next offer says of its machine. */
  readonly hardware?: (() => Offer['hardware']) | undefined;
  /** What its next offer calls this peer; nothing by default. */
  readonly nickname?: (() => string | undefined) | undefined;
  /** `client`: asks the relays it is connected to. `server`: answers those that ask, as a relay does. */
  readonly discovery: 'client' | 'server';
  /** What a relay reports of the network's size: `large` however few offers there are; `small` by default. */
  readonly network?: (() => 'small' | 'large') | undefined;
  /** Relays to ask or, at a relay, to take others' offers from; by default those the net is connected to. */
  readonly relays?: (() => readonly PeerId[]) | undefined;
  /** Called with the clock of a relay when this peer, as a client, begins to follow it. */
  readonly onRelayTime?: ((sample: RelayTime) => void) | undefined;
  /** Kinds of work that are asked for and done; those of the protocol by default. */
  readonly kinds?: ProviderComponents['kinds'];
  readonly tiers?: readonly Tier[] | undefined;
  /** Weights of another peer in this process; by default those of the models served here. */
  readonly scorer?: Scorer | undefined;
  /** Where its models are paid for, and what its jobs are paid from. */
  readonly till?: Till | undefined;
  readonly purse?: Purse | undefined;
  readonly onCanary?: ConsumerComponents['onCanary'];
  readonly onReleased?: ConsumerComponents['onReleased'];
  readonly payCanary?: ConsumerComponents['payCanary'];
  /** Looks up the tiers of workers that are asked. */
  readonly tierCheck?: TierCheck | undefined;
  readonly policy?: Policy | undefined;
  readonly policyWords?: readonly string[] | undefined;
  readonly jobsPerPeerMax?: ProviderComponents['jobsPerPeerMax'];
  readonly isOwners?: ProviderComponents['isOwners'];
  readonly isBought?: ProviderComponents['isBought'];
  readonly isExempt?: ProviderComponents['isExempt'];
  readonly isGratis?: ((worker: PeerId) => boolean) | undefined;
  readonly price?: ProviderComponents['price'];
  readonly priceMax?: ProviderComponents['priceMax'];
  readonly slotsOf?: ProviderComponents['slotsOf'];
  readonly onModelFailed?: ProviderComponents['onModelFailed'];
  /** Where an asker's finished answers are kept, in case it comes again: in memory by default, until this process ends. */
  readonly keepAnswers?: ((asker: PeerId) => 'in-memory' | 'in-storage') | undefined;
  /** How long a job waits for the first offer while the directory is empty. */
  readonly firstOfferTimeoutMs?: number | undefined;
}

/** A started peer asks with `consumer`, serves with `provider`, and finds other peers' offers in `directory`. */
export interface Peer extends Startable {
  readonly self: PeerId;
  readonly net: Net;
  readonly consumer: Consumer;
  readonly provider: Provider;
  readonly directory: Directory;
  readonly trackRecord: TrackRecord;
  readonly receipts: ReceiptBook;
  readonly reputation: Reputation;
  /** What is wished for while nobody serves it. */
  readonly wishes: Wishes;
  /** The relays that list this peer, by their own account; undefined for a relay itself. */
  readonly listing: Listing | undefined;
  /** Asks whoever is paid on a channel to close it now. @throws as `askToClose` does. */
  askToClose(request: CloseRequest, options?: AbortOptions): Promise<Agreement>;
  /** Takes this peer out of the directories at once, without waiting: for a page that is frozen or closed. */
  announceOffline(): void;
  /** Announces anew after an `announceOffline`. */
  announceOnline(): void;
}

/** A name of the catalog stands for its artefact, whatever a peer offers under it. */
const catalogue: Catalogue = new Map(catalog.map(({ name, artefact }) => [name, artefact]));

/**
 * No device reads its memory faster than this, in bytes a second, and each token takes a whole look at the weights; with room
 * for models that use a part of them at a time.
 */
const bytesPerSecondMax = 100e12;
const parameters = new Map(catalog.map((model) => [model.artefact, model.parameters]));
const sizes = new Map(catalog.map(({ artefact, sizeBytes }) => [artefact, sizeBytes]));
const decodeTpsMax = (artefact: ArtefactId): number =>
  Math.min(limits.rateMax, bytesPerSecondMax / Math.max(1, sizes.get(artefact) ?? 0));

/** Reads the sequence number and what is known of workers from the storage; nothing is started yet. */
export async function createPeer(components: PeerComponents): Promise<Peer> {
  const { net, clock, logger, storage } = components;
  const sequence = await openSequence({ storage, clock, logger });
  const directory = createDirectory({ clock });
  const book = createReceiptBook(components);
  const trackRecord = await openTrackRecord({ storage, clock, logger, decodeTpsMax });
  const paidWork = await openPaidWork({ storage, clock, logger });
  const relays = components.relays ?? (() => connectedRelays(net));
  const isRelay = components.discovery === 'server';
  const reputation = await openReputation({
    ...components,
    book,
    sequence,
    relays: isRelay ? () => [] : relays,
    tallyFor: isRelay ? 'all' : 'served',
    parametersOf: (artefact) => parameters.get(artefact),
  });
  const { keepAnswers } = components;
  const answers =
    keepAnswers && createAnswerStore({ ...components, keeps: (asker) => keepAnswers(asker) === 'in-storage' });
  const provider = createProvider({ ...components, book, answers, priority: reputation.priority });
  const closer = createChannelCloser({ net, clock, logger, till: components.till });
  const client = components.discovery === 'client' ? createDiscoveryClient({ ...components, directory }) : undefined;
  const consumer = createConsumer({
    ...components,
    search: client?.search,
    labelled: client?.labelled,
    scorer: components.scorer ?? provider.scorer,
    catalogue,
    directory,
    book,
    trackRecord: withReputation(trackRecord, reputation),
    paidWork,
  });
  const presence = createPresence({
    ...components,
    listing: client?.listing,
    audience: client?.audience,
    provider,
    directory,
    sequence,
  });
  const discovery = client ?? createDiscoveryServer({ ...components, relays, directory });
  const wishes = createWishes({ ...components, relays, follows: isRelay ? 'always' : 'while-listened-to' });

  let endForwarding: (() => void) | undefined;

  return {
    self: net.self,
    net,
    consumer,
    provider,
    directory,
    trackRecord,
    receipts: book,
    reputation,
    wishes,
    listing: client?.listing,
    askToClose: (request, options) => askToClose({ net, directory, clock }, request, options),
    announceOffline: presence.announceOffline,
    announceOnline: presence.announceOnline,
    // Serving and listening are ready before the first peer can arrive.
    async start() {
      await provider.start();
      await closer.start();
      await reputation.start();
      await discovery.start();
      await wishes.start();
      await net.start();
      await presence.start();
      // Loaded late: no page forwards them.
      if (isRelay) endForwarding ??= (await import('./audit/heard.ts')).forwardAudits(net, clock);
    },
    async stop() {
      endForwarding?.();
      endForwarding = undefined;
      await presence.stop();
      await provider.stop();
      await closer.stop();
      await discovery.stop();
      await wishes.stop();
      await reputation.stop();
      await net.stop();
      await book.settled();
      await trackRecord.settled();
      await sequence.settled();
    },
  };
}

/** What is found out about a peer elsewhere than in its jobs here: that it forked, or is vouched for; and what failing costs it. */
const withReputation = (trackRecord: TrackRecord, reputation: Reputation): TrackRecord => ({
  ...trackRecord,
  standing(peer, artefact) {
    const standing = trackRecord.standing(peer, artefact);
    if (reputation.forks.has(peer)) return withFork(standing ?? noStanding);
    return reputation.isVouchedFor(peer, artefact) ? withVouch(standing ?? noStanding) : standing;
  },
  record(peer, artefact, outcome) {
    if (outcome.type === 'failed' && !outcome.sameOutage) reputation.failed(peer, artefact);
    trackRecord.record(peer, artefact, outcome);
  },
});
