import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import { hashSchema } from '#lib/protocol/ids.ts';
import { receiptSchema, signedReceiptSchema, type SignedReceipt } from '#lib/protocol/receipt.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { chainStart, type ChainSide } from '#lib/trust/chain.ts';
import { countersign, issueReceipt, receiptHash, type Delivered } from '#lib/trust/receipt.ts';

/**
 * The receipts of one identity, given and taken. It alone knows the last link of both chains, so everything of this
 * identity that signs receipts shares one book.
 */
export interface ReceiptBook {
  /** Signs what was delivered, as the next link of the worker's chain. */
  issue(delivered: Omit<Delivered, 'prevWorker' | 'issuedAt'>): Promise<Envelope>;
  /** Signs that a receipt was taken, as the next link of the asker's chain. Check it before. */
  countersign(receipt: Envelope): Promise<Envelope>;
  /** Stores a receipt that was checked before; one that cannot be stored is logged and does not harm the job. */
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

const headKey = { worker: 'chain-worker', asker: 'chain-asker' } as const satisfies Record<ChainSide, string>;

export function createReceiptBook({ storage, signer, clock, logger }: ReceiptBookComponents): ReceiptBook {
  const heads: Record<ChainSide, Promise<string>> = { worker: loadHead('worker'), asker: loadHead('asker') };
  let kept = 0;
  let writes: Promise<void> = Promise.resolve();

  async function loadHead(side: ChainSide): Promise<string> {
    try {
      return hashSchema.catch(chainStart).parse(await storage.get('identity', headKey[side]));
    } catch (error) {
      logger.warn('receipts-not-read', { code: errorCode(error) });
      return chainStart;
    }
  }

  const write = (work: () => Promise<void>) => {
    writes = writes.then(work).catch((error) => logger.warn('receipts-not-stored', { code: errorCode(error) }));
  };

  /** Signs on top of the last link; links of one side are made one after the other. */
  const link = (side: ChainSide, sign: (prev: string) => Envelope): Promise<Envelope> => {
    const last = heads[side];
    const signed = last.then(sign);
    // A link that could not be signed leaves the chain where it was.
    const next = signed.then(receiptHash).catch(() => last);
    heads[side] = next;
    write(async () => storage.put('identity', headKey[side], await next));
    return signed;
  };

  const prune = async (side: ChainSide) => {
    const entries = await storage.list('receipts', { prefix: `${side}/`, limit: keptMax + 2 * pruneEvery });
    const surplus = entries.slice(0, Math.max(0, entries.length - keptMax));
    await storage.batch(surplus.map(({ key }) => ({ type: 'delete', store: 'receipts', key })));
  };

  return {
    issue: (delivered) =>
      link('worker', (prevWorker) =>
        issueReceipt({ ...delivered, prevWorker, issuedAt: Math.floor(clock.now()) }, signer),
      ),
    countersign: (receipt) => link('asker', (prevAsker) => countersign(receipt, prevAsker, signer)),
    keep(side, signed) {
      write(async () => {
        const receipt = decodeCbor(receiptSchema, signed.receipt.payload, 'bad-record');
        await storage.put('receipts', receiptKey(side, receipt.issuedAt, receipt.jobId), signed);
        if (++kept % pruneEvery === 0) await prune(side);
      });
    },
    async list(side, limit) {
      const entries = await storage.list('receipts', { prefix: `${side}/`, limit, order: 'descending' });
      return entries.flatMap(({ value }) => signedReceiptSchema.safeParse(value).data ?? []);
    },
    settled: () => writes,
  };
}

/** Sorts by time within a side. */
export const receiptKey = (side: ChainSide, issuedAt: number, jobId: string): string =>
  `${side}/${String(issuedAt).padStart(16, '0')}/${jobId}`;
