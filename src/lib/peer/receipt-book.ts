import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import type { Receipt, SignedReceipt } from '#lib/protocol/receipt.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { ChainLink, ChainSide } from '#lib/trust/chain.ts';
import { allHold, checkReceipt, openCountersign, tryOpenReceipt, type Received } from '#lib/trust/check.ts';
import { createLinkIndex, type LinkIndex } from '#lib/trust/links.ts';
import {
  countersign,
  issueCheckpoint,
  issueReceipt,
  receiptHash,
  type Delivered,
  type Owed,
  type OpenedReceipt,
} from '#lib/trust/receipt.ts';
import { createReceiptStore, receiptStoreLimits, type StoredReceipt } from './receipt-store.ts';
import type { ReceiptCheck } from './spec.ts';

/**
 * The receipts of one identity, issued and received. It alone knows the last link of both chains, so everything that signs
 * receipts with this identity shares one book. Each receipt is decoded and its signature checked once.
 */
export interface ReceiptBook {
  /** Signs what was delivered, as the next link of the worker's chain, and stores it. */
  issue(delivered: Omit<Delivered, 'prevWorker' | 'issuedAt'>): Promise<Envelope>;
  /** Signs what was delivered so far; not a link of a chain. Undefined if it cannot be signed. */
  checkpoint(delivered: Pick<Delivered, 'job' | 'asker' | 'output'> & Owed): Envelope | undefined;
  /**
   * Stores the asker's signature with the receipt that was issued here, if it is valid for it; without one, the receipt is
   * stored alone.
   */
  acknowledge(receipt: Envelope, answer: Envelope): boolean;
  /**
   * Checks a worker's receipt as it was received. If every check passes, countersigns it as the next link of the asker's
   * chain; stores it if it is at least that worker's receipt for this asker.
   */
  take(receipt: Envelope, received: Received): Promise<TakenReceipt>;
  /** Newest first. */
  list(side: ChainSide, limit: number): Promise<readonly SignedReceipt[]>;
  /** Newest first, each with the key that `read` takes. */
  entries(side: ChainSide, limit: number): Promise<readonly StoredReceipt[]>;
  read(key: string): Promise<SignedReceipt | undefined>;
  /** The links of other peers' chains that this peer has seen. */
  readonly links: LinkIndex;
  /** Calls back with each record of another peer that is stored here. */
  onRecord(listener: (record: TakenRecord) => void): () => void;
  /** Stores what is pending, and waits for it for a bounded time. Called last, it leaves no gap in the chains. */
  settled(): Promise<void>;
}

export interface TakenReceipt {
  readonly receipt: SignedReceipt;
  readonly receiptCheck: ReceiptCheck;
  /** The worker has signed another receipt after the same predecessor: its chain is forked. */
  readonly forked?: true | undefined;
}

/** A record of another peer as it was received: a worker's receipt (`worker`), or an asker's countersign (`asker`). */
export interface TakenRecord {
  readonly side: ChainSide;
  readonly receipt: Receipt;
  readonly link: ChainLink;
  readonly key: string;
  /** Both sides have signed, after every check. */
  readonly settled: boolean;
  /** The key of another record at the same place in the chain: its signer has forked the chain. */
  readonly conflict?: string | undefined;
}

export interface ReceiptBookComponents {
  readonly storage: KeyValue;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createReceiptBook({ storage, signer, clock, logger }: ReceiptBookComponents): ReceiptBook {
  const store = createReceiptStore({ storage, clock, logger, peer: signer.peer });
  /** What was signed here need not be decoded again when its countersign arrives. */
  const issued = new WeakMap<Envelope, OpenedReceipt>();
  const links = createLinkIndex(linksMax);
  const records = createEmitter<TakenRecord>((error) => logger.warn('listener-failed', { error: String(error) }));
  let lastAt = 0;
  /** Strictly increasing, so that receipts of one millisecond keep the order of their chain. */
  const stamp = () => (lastAt = Math.max(lastAt + 1, Math.floor(clock.now())));
  /** A receipt dated far ahead by another peer would sort first for ever: only a worker's own date is used in its key. */
  const keyOf = (side: ChainSide, { record }: OpenedReceipt) =>
    receiptKey(side, side === 'worker' ? record.issuedAt : stamp(), record.jobId);

  return {
    async issue(delivered) {
      const receipt = await store.link('worker', (prevWorker) => {
        const made = issueReceipt({ ...delivered, prevWorker, issuedAt: stamp() }, signer);
        issued.set(made.envelope, made);
        store.keep('worker', keyOf('worker', made), { receipt: made.envelope });
        return made;
      });
      return receipt.envelope;
    },
    checkpoint(delivered) {
      try {
        return issueCheckpoint({ ...delivered, issuedAt: Math.floor(clock.now()) }, signer);
      } catch (error) {
        logger.warn('checkpoint-not-signed', { code: errorCode(error) });
        return undefined;
      }
    },
    acknowledge(envelope, answer) {
      const receipt = issued.get(envelope) ?? tryOpenReceipt(envelope);
      if (receipt?.peer !== signer.peer) return false;
      const opened = openCountersign(receipt, answer);
      if (!opened) return false;
      const key = keyOf('worker', receipt);
      store.keep('worker', key, { receipt: envelope, countersign: answer }, 'again');
      const { prevAsker: prev, asker: peer } = opened.record;
      const link = { envelope: answer, peer, prev, hash: receiptHash(answer) };
      const conflict = links.add('asker', link, key);
      records.emit({ side: 'asker', receipt: receipt.record, link, key, settled: true, conflict });
      return true;
    },
    async take(envelope, received) {
      const opened = tryOpenReceipt(envelope);
      const receiptCheck = checkReceipt(opened, received);
      if (!opened || !receiptCheck.worker) return { receipt: { receipt: envelope }, receiptCheck };
      const key = keyOf('asker', opened);
      const { peer, hash, record } = opened;
      const shown = { envelope, peer, hash, prev: record.prevWorker };
      const conflict = links.add('worker', shown, key);
      const forked = conflict === undefined ? {} : ({ forked: true } as const);
      const tell = (settled: boolean) =>
        records.emit({ side: 'worker', receipt: record, link: shown, key, settled, conflict });
      if (!allHold(receiptCheck)) {
        store.keep('asker', key, { receipt: envelope });
        tell(false);
        return { receipt: { receipt: envelope }, receiptCheck, ...forked };
      }
      const link = await store.link('asker', (prevAsker) => {
        const made = countersign(opened, prevAsker, signer);
        store.keep('asker', key, { receipt: envelope, countersign: made });
        return { envelope: made, hash: receiptHash(made) };
      });
      tell(true);
      return { receipt: { receipt: envelope, countersign: link.envelope }, receiptCheck, ...forked };
    },
    list: async (side, limit) => (await store.list(side, limit)).map(({ signed }) => signed),
    entries: store.list,
    read: store.read,
    links,
    onRecord: records.listen,
    settled: store.settled,
  };
}

/** Links that are remembered: as many as receipts are stored of both sides. */
const linksMax = 2 * receiptStoreLimits.keptMax;

/** Sorts by time within a side. */
const receiptKey = (side: ChainSide, at: number, jobId: string): string =>
  `${side}/${String(at).padStart(16, '0')}/${jobId}`;
