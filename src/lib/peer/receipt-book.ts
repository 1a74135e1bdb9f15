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
  type OpenedReceipt,
} from '#lib/trust/receipt.ts';
import { createReceiptStore, receiptStoreLimits, type StoredReceipt } from './receipt-store.ts';
import type { ReceiptCheck } from './spec.ts';

/**
 * The receipts of one identity, given and taken. It alone knows the last link of both chains, so everything of this
 * identity that signs receipts shares one book. Each receipt is read and its signature checked once.
 */
export interface ReceiptBook {
  /** Signs what was delivered, as the next link of the worker's chain, and keeps it. */
  issue(delivered: Omit<Delivered, 'prevWorker' | 'issuedAt'>): Promise<Envelope>;
  /** Signs for what was delivered so far; no link of a chain. Undefined when it cannot be signed. */
  checkpoint(delivered: Pick<Delivered, 'job' | 'asker' | 'output'>): Envelope | undefined;
  /**
   * The asker's signature under a receipt that was issued here: kept with it, where it belongs to it. Withheld or false, the
   * receipt is kept without.
   */
  acknowledge(receipt: Envelope, answer: Envelope): boolean;
  /**
   * A worker's receipt, as it came: checked; where every check holds, countersigned as the next link of the asker's chain; and
   * kept where it is at least that worker's word to this asker.
   */
  take(receipt: Envelope, received: Received): Promise<TakenReceipt>;
  /** Newest first. */
  list(side: ChainSide, limit: number): Promise<readonly SignedReceipt[]>;
  /** Newest first, each with the key that `read` takes. */
  entries(side: ChainSide, limit: number): Promise<readonly StoredReceipt[]>;
  read(key: string): Promise<SignedReceipt | undefined>;
  /** The links of others' chains that this peer was shown. */
  readonly links: LinkIndex;
  /** Hears of each record of another that is kept here. */
  onRecord(listener: (record: TakenRecord) => void): () => void;
  /** Stores what is still to be stored; waits for it, but not for ever. Called last, it leaves no gap in the chains. */
  settled(): Promise<void>;
}

export interface TakenReceipt {
  readonly receipt: SignedReceipt;
  readonly receiptCheck: ReceiptCheck;
  /** The worker has signed another receipt after the same one: two histories. */
  readonly forked?: true | undefined;
}

/** A record of another as it was taken: a worker's receipt (`worker`), or an asker's countersign (`asker`). */
export interface TakenRecord {
  readonly side: ChainSide;
  readonly receipt: Receipt;
  readonly link: ChainLink;
  readonly key: string;
  /** Both have signed, after every check. */
  readonly settled: boolean;
  /** Under which another record of the same place is kept: its signer has shown two histories. */
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
  /** What was signed here need not be read again when its countersign comes. */
  const issued = new WeakMap<Envelope, OpenedReceipt>();
  const links = createLinkIndex(linksMax);
  const records = createEmitter<TakenRecord>((error) => logger.warn('listener-failed', { error: String(error) }));
  let lastAt = 0;
  /** Rises with every call, so that receipts of one millisecond keep the order of their chain. */
  const stamp = () => (lastAt = Math.max(lastAt + 1, Math.floor(clock.now())));
  /** A date that somebody else wrote could stand first for ever: only a worker's own is its key. */
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

/** Of links that are remembered: as many as receipts are kept of both sides. */
const linksMax = 2 * receiptStoreLimits.keptMax;

/** Sorts by time within a side. */
const receiptKey = (side: ChainSide, at: number, jobId: string): string =>
  `${side}/${String(at).padStart(16, '0')}/${jobId}`;
