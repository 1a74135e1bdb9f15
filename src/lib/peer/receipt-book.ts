import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import { hashSchema } from '#lib/protocol/ids.ts';
import { receiptSchema, signedReceiptSchema, type SignedReceipt } from '#lib/protocol/receipt.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { chainStart, type ChainSide } from '#lib/trust/chain.ts';
import { countersign, issueReceipt, receiptHash, type Delivered } from '#lib/trust/receipt.ts';
import { within } from './within.ts';

/**
 * The receipts of one identity, given and taken. It alone knows the last link of both chains, so everything of this
 * identity that signs receipts shares one book.
 *
 * A link leaves the book only when the storage knows of it: signed twice on top of the same one, as after a crash in
 * between, two links are proof of a lie that nobody told.
 */
export interface ReceiptBook {
  /** Signs what was delivered, as the next link of the worker's chain, and keeps it. */
  issue(delivered: Omit<Delivered, 'prevWorker' | 'issuedAt'>): Promise<Envelope>;
  /** Signs that a receipt was taken, as the next link of the asker's chain. Check it before. */
  countersign(receipt: Envelope): Promise<Envelope>;
  /**
   * Stores a receipt that was checked before; one that cannot be stored is logged and does not harm the job. A worker
   * has its own already and writes it anew with the asker's signature.
   */
  keep(side: ChainSide, signed: SignedReceipt): void;
  /** Newest first. */
  list(side: ChainSide, limit: number): Promise<readonly SignedReceipt[]>;
  /** Resolves when everything that was to be stored is. */
  settled(): Promise<void>;
}

export interface ReceiptBookComponents {
  readonly storage: KeyValue;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Receipts kept of each side; the oldest go, in steps. */
const keptMax = 5_000;
const pruneEvery = 100;
/** A storage that hangs does not hold an answer back for longer than this, in milliseconds. */
const headTimeoutMs = 1_000;

const headKey = { worker: 'chain-worker', asker: 'chain-asker' } as const satisfies Record<ChainSide, string>;

export function createReceiptBook({ storage, signer, clock, logger }: ReceiptBookComponents): ReceiptBook {
  const heads: Record<ChainSide, Promise<string>> = { worker: loadHead('worker'), asker: loadHead('asker') };
  const unsaved = new Map<ChainSide, string>();
  let kept = 0;
  let lastAt = 0;
  let writes: Promise<void> = Promise.resolve();

  async function loadHead(side: ChainSide): Promise<string> {
    try {
      return hashSchema.default(chainStart).parse(await storage.get('identity', headKey[side]));
    } catch (error) {
      logger.warn('receipts-not-read', { code: errorCode(error) });
      // The place is lost. A link after nothing that ever was is a gap, which proves nothing; a second first one would.
      return hashRecord({ side, peer: signer.peer, lostAt: clock.now() });
    }
  }

  /** What the storage did not take is tried again with whatever is stored next. */
  const saveHead = async (side: ChainSide, head: string) => {
    unsaved.set(side, head);
    try {
      await within(storage.put('identity', headKey[side], head), headTimeoutMs, clock);
      if (unsaved.get(side) === head) unsaved.delete(side);
    } catch (error) {
      logger.warn('receipts-not-stored', { code: errorCode(error) });
    }
  };
  const saveHeads = async () => {
    for (const [side, head] of unsaved) await saveHead(side, head);
  };

  const write = (work: () => Promise<void>) => {
    writes = writes.then(work).catch((error) => logger.warn('receipts-not-stored', { code: errorCode(error) }));
  };

  /** Rises with every call, so that receipts of one millisecond keep the order of their chain. */
  const stamp = () => (lastAt = Math.max(lastAt + 1, Math.floor(clock.now())));

  /** Signs on top of the last link; links of one side are made one after the other. */
  const link = async (side: ChainSide, sign: (prev: string) => Envelope): Promise<Envelope> => {
    const last = heads[side];
    const linked = last.then(async (prev) => {
      const envelope = sign(prev);
      const head = receiptHash(envelope);
      await saveHead(side, head);
      return { envelope, head };
    });
    // A link that could not be signed leaves the chain where it was.
    heads[side] = linked.then(({ head }) => head).catch(() => last);
    return (await linked).envelope;
  };

  const prune = async (side: ChainSide) => {
    const entries = await storage.list('receipts', { prefix: `${side}/`, limit: keptMax + 2 * pruneEvery });
    const surplus = entries.slice(0, Math.max(0, entries.length - keptMax));
    await storage.batch(surplus.map(({ key }) => ({ type: 'delete', store: 'receipts', key })));
  };

  const book: ReceiptBook = {
    async issue(delivered) {
      const receipt = await link('worker', (prevWorker) =>
        issueReceipt({ ...delivered, prevWorker, issuedAt: stamp() }, signer),
      );
      book.keep('worker', { receipt });
      return receipt;
    },
    countersign: (receipt) => link('asker', (prevAsker) => countersign(receipt, prevAsker, signer)),
    keep(side, signed) {
      const takenAt = stamp();
      write(async () => {
        const { issuedAt, jobId } = decodeCbor(receiptSchema, signed.receipt.payload, 'bad-record');
        // A date that somebody else wrote could stand first for ever: only a worker's own is its key.
        await storage.put('receipts', receiptKey(side, side === 'worker' ? issuedAt : takenAt, jobId), signed);
        await saveHeads();
        if (++kept % pruneEvery === 0) await prune(side);
      });
    },
    async list(side, limit) {
      const entries = await storage.list('receipts', { prefix: `${side}/`, limit, order: 'descending' });
      return entries.flatMap(({ value }) => signedReceiptSchema.safeParse(value).data ?? []);
    },
    async settled() {
      write(saveHeads);
      await writes;
    },
  };
  return book;
}

/** Sorts by time within a side. */
const receiptKey = (side: ChainSide, at: number, jobId: string): string =>
  `${side}/${String(at).padStart(16, '0')}/${jobId}`;
