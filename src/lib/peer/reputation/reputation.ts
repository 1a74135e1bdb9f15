import { concatBytes } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { countersignSchema, receiptSchema, type Receipt, type SignedReceipt } from '#lib/protocol/receipt.ts';
import { readTally, signTally, tallyProtocol } from '#lib/protocol/tally.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { readLink, type ChainLink, type ChainSide, type Fork } from '#lib/trust/chain.ts';
import { createFadingWork } from '#lib/trust/fading-work.ts';
import { createFlow } from '#lib/trust/flow.ts';
import { linkDigest } from '#lib/trust/links.ts';
import { queuePriority } from '#lib/trust/priority.ts';
import { receiptHash } from '#lib/trust/receipt.ts';
import { artefactWeight, jobTypical, workOf, workTypical } from '#lib/trust/work.ts';
import type { ReceiptBook, TakenRecord } from '../receipt-book.ts';
import { exchange, type Exchanging } from './exchange.ts';
import { openForkBook, type ForkBook } from './forks.ts';

/**
 * What other peers are worth to this one: work received from them by its own receipts, neighbours' word within its budget, and
 * nothing at all for those that showed two histories.
 */
export interface Reputation extends Startable {
  /** In units of work (`trust/work.ts`): 0 of a stranger and of a forker, negative after failures. */
  of(peer: PeerId): number;
  /** Peers that worked for this one received from this worker what a typical answer of the model is worth, or more. */
  isVouchedFor(worker: PeerId, artefact: ArtefactId): boolean;
  /** An asker's place in the queue here: the higher, the sooner; 0 is a stranger's. */
  priority(asker: PeerId): number;
  /**
   * A job of this model that a worker did not do, or did falsely: as much work as its last one claimed, and at least that of
   * a typical job, so that a false claim is not worth making.
   */
  failed(worker: PeerId, artefact: ArtefactId): void;
  readonly forks: Pick<ForkBook, 'has' | 'list'>;
  /** What this peer did for others lately, by receipts that they have countersigned. */
  served(): Served;
  /** A receipt was counted, or a fork found. */
  onChange(listener: () => void): () => void;
}

export interface Served {
  /** Tokens written, halved for every fourteen days. */
  readonly tokens: number;
  readonly askers: number;
}

export interface ReputationComponents {
  readonly net: Net;
  readonly signer: Signer;
  readonly storage: KeyValue;
  readonly book: ReceiptBook;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of this peer's tallies and offers. */
  readonly sequence: { next(): number };
  /** Relays that this peer has chosen: their word counts although they do no work. */
  readonly relays: () => readonly PeerId[];
  /** `all`: the tally is for whoever asks, as a relay's is. `served`: for those that it can matter to. */
  readonly tallyFor: 'all' | 'served';
  /** The number of a model's parameters, where it is known. */
  readonly parametersOf: (artefact: ArtefactId) => number | undefined;
}

export const reputationLimits = {
  /** Receipts of each side that are read at the start. */
  readMax: 2_000,
  /** Receipts read without a pause. */
  readSlice: 50,
  /** What a relay's word counts for: a hundred answers. */
  relayGrant: 100 * workTypical,
  askersMax: 16_384,
  /** Jobs remembered as counted. */
  countedMax: 8_192,
  /** A neighbour is asked again no sooner. */
  neighbourGapMs: 30 * 60_000,
  /** After a job, so that the exchange does not stand in the way of the next one. */
  afterJobMs: 2_000,
  relayFirstMs: 5_000,
  relayEveryMs: 10 * 60_000,
  exchangesMax: 4,
  peersTimedMax: 4_096,
} as const;

const { relayGrant, neighbourGapMs, exchangesMax, peersTimedMax } = reputationLimits;

/** Reads the proofs of forks; the receipts are read when it is started, in the background. */
export async function openReputation(components: ReputationComponents): Promise<Reputation> {
  const { net, signer, book, clock, logger, sequence, parametersOf } = components;
  const flow = createFlow(signer.peer);
  const given = createFadingWork(reputationLimits.askersMax);
  const tokensGiven = createFadingWork(reputationLimits.askersMax);
  const counted = new Set<string>();
  const lastWork = new Map<PeerId, number>();
  const tallies = new Map<PeerId, { readonly seq: number; readonly untilMs: number }>();
  const askedAt = new Map<PeerId, number>();
  const answeredAt = new Map<PeerId, number>();
  const answering = new Set<PeerId>();
  const knows = (peer: PeerId) => given.of(peer, clock.now()) > 0 || flow.reputation(peer, clock.now()) !== 0;
  const forks = await openForkBook({ ...components, knows });
  for (const { peer } of forks.list()) flow.forked(peer);
  const changes = createEmitter<void>((error) => logger.warn('listener-failed', { error: String(error) }));
  forks.onAdded(({ peer }) => {
    flow.forked(peer);
    changes.emit();
  });
  let lifetime: AbortController | undefined;
  let granted: readonly PeerId[] = [];
  let exchanges = 0;
  let endings: readonly (() => void)[] = [];

  const weightOf = (artefact: ArtefactId) => artefactWeight(parametersOf(artefact));
  const count = (side: ChainSide, receipt: Receipt) => {
    const { asker, worker, jobId, artefact, issuedAt } = receipt;
    if (asker === worker) return;
    // A job is asked once and answered once, however often its receipt is shown.
    const key = `${side} ${side === 'worker' ? worker : asker} ${jobId}`;
    if (counted.has(key)) return;
    bounded(counted.add(key), reputationLimits.countedMax);
    // Dated ahead it would weigh more than it is worth.
    const at = Math.min(issuedAt, clock.now());
    const work = workOf(receipt, weightOf(artefact));
    if (side === 'worker') {
      lastWork.delete(worker);
      bounded(lastWork.set(worker, work), peersTimedMax);
      return flow.received(worker, work, at);
    }
    given.add(asker, work, at);
    tokensGiven.add(asker, receipt.tokensOut, at);
  };

  /** The proof that two records make of which one is kept here. */
  const proofWith = async (side: ChainSide, key: string, right: Envelope): Promise<Fork | undefined> => {
    const left = recordOf(key, await book.read(key));
    return left && ({ side, left, right } as Fork);
  };
  const onRecord = ({ side, receipt, link, settled, conflict }: TakenRecord) => {
    if (conflict !== undefined) {
      void proofWith(side, conflict, link.envelope).then(
        (fork) => fork && forks.add(fork),
        (error) => logger.warn('fork-not-proven', { code: errorCode(error) }),
      );
    }
    if (!settled) return;
    count(side, receipt);
    changes.emit();
    if (side === 'worker' && receipt.worker !== signer.peer) exchangeLater(receipt.worker);
  };

  /** What was settled before this start, oldest first. */
  const readReceipts = async (signal: AbortSignal) => {
    for (const kept of ['asker', 'worker'] as const) {
      const side = kept === 'asker' ? 'worker' : 'asker';
      const entries = (await book.entries(kept, reputationLimits.readMax)).toReversed();
      for (const [index, { key, signed }] of entries.entries()) {
        if (index % reputationLimits.readSlice === reputationLimits.readSlice - 1) await clock.delay(1, { signal });
        const read = readStored(side, signed);
        if (!read) continue;
        book.links.add(side, read.link, key);
        if (signed.countersign) count(side, read.receipt);
      }
    }
    changes.emit();
  };

  const tally = (): Envelope => {
    const now = Math.floor(clock.now());
    const received = flow
      .ledger(now)
      .received.map(({ peer, work }) => ({ peer, work: Math.min(Number.MAX_SAFE_INTEGER, Math.floor(work)) }))
      .filter(({ peer, work }) => work >= 1 && !forks.has(peer))
      .sort((a, b) => b.work - a.work)
      .slice(0, limits.tallyEntriesMax);
    const record = { peer: signer.peer, seq: sequence.next(), issuedAt: now, ttlMs: limits.tallyTtlMs, received };
    return signTally(record, signer);
  };
  const acceptTally = (from: PeerId, envelope: Envelope) => {
    const { peer, seq, issuedAt, ttlMs, received } = readTally(envelope);
    const now = clock.now();
    if (peer !== from) throw new TabloomError('bad-signature', 'A peer gives its own tally and nobody else’s.');
    const isNew = seq > (tallies.get(peer)?.seq ?? -1);
    if (!isNew || issuedAt > now + limits.tallyClockSkewMs || issuedAt + ttlMs <= now) return;
    tallies.delete(peer);
    bounded(tallies.set(peer, { seq, untilMs: issuedAt + ttlMs }), peersTimedMax);
    flow.setStatement({ signer: peer, at: Math.min(issuedAt, now), entries: received });
  };

  const sideFor = (remote: PeerId): Exchanging => ({
    tally: () => (components.tallyFor === 'all' || given.of(remote, clock.now()) > 0 ? tally() : undefined),
    forked: () =>
      forks
        .list()
        .map(({ peer }) => peer)
        .slice(-limits.tallyForkedMax),
    forksBeside: (known) =>
      forks
        .list()
        .filter(({ peer }) => peer !== remote && !known.includes(peer))
        .map(({ fork }) => fork)
        .toReversed(),
    links: () => book.links.digests(limits.tallyLinksMax),
    conflicts: (links) => concatBytes(...book.links.conflicts(links, limits.tallyForksMax).map(({ digest }) => digest)),
    async records(links) {
      const conflicts = book.links.conflicts(links, limits.tallyForksMax);
      const kept = await Promise.all(conflicts.map(async ({ key }) => recordOf(key, await book.read(key))));
      return kept.filter((envelope) => envelope !== undefined);
    },
    async prove(record) {
      const side = record.type === 'receipt' ? 'worker' : 'asker';
      const [conflict] = book.links.conflicts(linkDigest(side, readLink(side, record)), 1);
      const fork = conflict && (await proofWith(side, conflict.key, record));
      return fork && forks.add(fork) ? fork : undefined;
    },
    onTally: (envelope) => acceptTally(remote, envelope),
    shown: forks.add,
  });

  const run = async (channel: Channel, role: 'opens' | 'answers') => {
    const deadline = startDeadline(clock, limits.tallyTimeoutMs, {
      signal: lifetime?.signal,
      error: () => wireError('deadline'),
    });
    const abort = () => channel.abort(wireError('deadline'));
    deadline.signal.addEventListener('abort', abort, { once: true });
    try {
      await exchange(channel, role, sideFor(channel.remote));
    } catch (error) {
      channel.abort(wireError('bad-frame'));
      throw error;
    } finally {
      deadline.signal.removeEventListener('abort', abort);
      deadline.clear();
    }
  };
  const answer = async (channel: Channel) => {
    const { remote } = channel;
    const isTooOften = clock.elapsed() - (answeredAt.get(remote) ?? Number.NEGATIVE_INFINITY) < limits.tallyMinGapMs;
    if (!lifetime || isTooOften || answering.has(remote) || answering.size >= exchangesMax) {
      return channel.abort(wireError('busy'));
    }
    answering.add(remote);
    answeredAt.delete(remote);
    bounded(answeredAt.set(remote, clock.elapsed()), peersTimedMax);
    try {
      await run(channel, 'answers');
    } finally {
      answering.delete(remote);
    }
  };
  /** Whoever does not speak this, or is gone, is asked again another time. */
  const exchangeWith = async (peer: PeerId, signal: AbortSignal) => {
    if (exchanges >= exchangesMax) return;
    askedAt.delete(peer);
    bounded(askedAt.set(peer, clock.elapsed()), peersTimedMax);
    exchanges += 1;
    try {
      await run(await net.open(peer, tallyProtocol, { signal }), 'opens');
    } catch (error) {
      logger.info('tally-not-exchanged', { code: errorCode(error) });
    } finally {
      exchanges -= 1;
    }
  };
  const exchangeLater = (peer: PeerId) => {
    const signal = lifetime?.signal;
    if (!signal || clock.elapsed() - (askedAt.get(peer) ?? Number.NEGATIVE_INFINITY) < neighbourGapMs) return;
    bounded(askedAt.set(peer, clock.elapsed()), peersTimedMax);
    clock.delay(reputationLimits.afterJobMs, { signal }).then(
      () => exchangeWith(peer, signal),
      () => undefined,
    );
  };
  const followRelays = async (signal: AbortSignal) => {
    for (let waitMs: number = reputationLimits.relayFirstMs; ; waitMs = reputationLimits.relayEveryMs) {
      await clock.delay(waitMs, { signal });
      const relays = components.relays();
      for (const gone of granted) if (!relays.includes(gone)) flow.grant(gone, 0);
      for (const relay of relays) flow.grant(relay, relayGrant);
      granted = relays;
      const now = clock.now();
      for (const [peer, { untilMs }] of tallies) if (untilMs <= now) flow.dropStatement(peer);
      for (const relay of relays) await exchangeWith(relay, signal);
    }
  };

  return {
    of: (peer) => flow.reputation(peer, clock.now()),
    isVouchedFor: (worker, artefact) => flow.vouched(worker, clock.now()) >= workOf(jobTypical, weightOf(artefact)),
    priority: (asker) =>
      queuePriority({ earned: flow.reputation(asker, clock.now()), given: given.of(asker, clock.now()) }),
    failed(worker, artefact) {
      const work = Math.max(lastWork.get(worker) ?? 0, workOf(jobTypical, weightOf(artefact)));
      flow.failed(worker, work, clock.now());
    },
    forks,
    served() {
      const lately = tokensGiven.list(clock.now()).filter(({ work }) => work >= 1);
      return { tokens: Math.round(lately.reduce((sum, { work }) => sum + work, 0)), askers: lately.length };
    },
    onChange: changes.listen,
    async start() {
      if (lifetime) return;
      lifetime = new AbortController();
      endings = [net.handle(tallyProtocol, answer), book.onRecord(onRecord)];
      const { signal } = lifetime;
      const warn = (error: unknown) => {
        if (!signal.aborted) logger.warn('receipts-not-read', { code: errorCode(error) });
      };
      readReceipts(signal).catch(warn);
      followRelays(signal).catch(() => undefined);
    },
    async stop() {
      for (const end of endings) end();
      endings = [];
      lifetime?.abort();
      lifetime = undefined;
    },
  };
}

/** Of whose chain a kept receipt has the record: as an asker one keeps workers' receipts, as a worker askers' countersigns. */
const recordOf = (key: string, kept: SignedReceipt | undefined): Envelope | undefined =>
  key.startsWith('asker/') ? kept?.receipt : kept?.countersign;

/** From the own storage: signatures were checked before it was kept. */
function readStored(side: ChainSide, { receipt: envelope, countersign: answer }: SignedReceipt) {
  try {
    const receipt = decodeCbor(receiptSchema, envelope.payload);
    if (side === 'worker') {
      const link: ChainLink = { envelope, peer: receipt.worker, prev: receipt.prevWorker, hash: receiptHash(envelope) };
      return { receipt, link };
    }
    if (!answer) return undefined;
    const { asker: peer, prevAsker: prev } = decodeCbor(countersignSchema, answer.payload);
    return { receipt, link: { envelope: answer, peer, prev, hash: receiptHash(answer) } };
  } catch {
    return undefined;
  }
}

/** The oldest goes. */
function bounded<K>(kept: { readonly size: number; keys(): Iterator<K>; delete(key: K): boolean }, max: number): void {
  const oldest = kept.keys().next();
  if (kept.size > max && !oldest.done) kept.delete(oldest.value);
}
