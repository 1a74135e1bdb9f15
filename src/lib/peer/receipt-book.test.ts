import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { manualClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createSigner, type Envelope } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { checkChain, findFork } from '#lib/trust/chain.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { countersign, issueReceipt } from '#lib/trust/receipt.ts';
import { job } from './peer.fixture.ts';
import { createReceiptBook } from './receipt-book.ts';

const worker = createSigner(new Uint8Array(32).fill(1));
const asker = createSigner(new Uint8Array(32).fill(2));
const clock = manualClock();
const bookOf = (storage: KeyValue, signer = worker) =>
  createReceiptBook({ storage, signer, clock, logger: silentLogger });

const delivered = (change: { readonly id?: string } = {}) => ({
  job: job(change),
  asker: asker.peer,
  engine: { name: 'scripted', build: '', deviceClass: '' },
  output: createOutputRoot(chat.outputHash).summary(),
  reason: 'stop' as const,
  tokensIn: 0,
  timings: { queuedMs: 0, ttftMs: 0, decodeMs: 0 },
  price: { in: '0', out: '0' },
});

/** A storage whose heads are stored when and as the test says. */
function heads(storage: KeyValue, put: () => Promise<void>): KeyValue {
  return {
    ...storage,
    put: async (store, key, value) => {
      if (store === 'identity') await put();
      return storage.put(store, key, value);
    },
  };
}

const turns = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
const receiptsOf = async (book: ReturnType<typeof bookOf>): Promise<Envelope[]> => {
  await book.settled();
  return (await book.list('worker', 100)).map(({ receipt }) => receipt).toReversed();
};

test('a receipt is given out once the place after it is stored, so that a crash forks no chain', async () => {
  const storage = createMemoryStorage();
  const stored = Promise.withResolvers<void>();
  let given: Envelope | undefined;
  const issuing = bookOf(heads(storage, () => stored.promise))
    .issue(delivered())
    .then((receipt) => (given = receipt));
  await turns();
  expect(given).toBeUndefined();
  stored.resolve();
  const one = await issuing;
  const two = await bookOf(storage).issue(delivered());
  expect(checkChain('worker', [one, two])).toMatchObject({ type: 'whole' });
});

test('where the place cannot be stored the answer goes out all the same, and it is stored with what follows', async () => {
  const storage = createMemoryStorage();
  let full = true;
  const book = bookOf(
    heads(storage, async () => {
      if (full) throw new TabloomError('storage-full', 'no room');
    }),
  );
  const one = await book.issue(delivered());
  full = false;
  await book.settled();
  const two = await bookOf(storage).issue(delivered());
  expect(checkChain('worker', [one, two])).toMatchObject({ type: 'whole' });
});

test('a storage that hangs holds an answer back for a second', async () => {
  let given: Envelope | undefined;
  const book = bookOf(heads(createMemoryStorage(), () => new Promise(() => undefined)));
  void book.issue(delivered()).then((receipt) => (given = receipt));
  await clock.advance(999);
  expect(given).toBeUndefined();
  await clock.advance(1);
  expect(given).toBeDefined();
});

test('a place that cannot be read is a gap, never a second first link', async () => {
  const storage = createMemoryStorage();
  const one = await bookOf(storage).issue(delivered());
  const unreadable = { ...storage, get: () => Promise.reject(new TabloomError('storage-unavailable', 'no')) };
  const two = await bookOf(unreadable).issue(delivered());
  expect(checkChain('worker', [one, two])).toEqual({ type: 'broken', at: 1, reason: 'not-linked' });
  expect(findFork('worker', [one], [two])).toBeUndefined();
});

test('what a worker issued is kept whether or not its asker signs: its chain has no gaps', async () => {
  const book = bookOf(createMemoryStorage());
  // Many in one millisecond, of ids in no order.
  const ids = ['c', 'a', 'd', 'b'].map((digit) => digit.repeat(32));
  const receipts = await Promise.all(ids.map((id) => book.issue(delivered({ id }))));
  expect(await receiptsOf(book)).toEqual(receipts);
  expect(checkChain('worker', await receiptsOf(book))).toMatchObject({ type: 'whole' });

  const signed = { receipt: receipts[1]!, countersign: countersign(receipts[1]!, '0'.repeat(64), asker) };
  book.keep('worker', signed);
  expect(await receiptsOf(book)).toHaveLength(4);
  expect((await book.list('worker', 100)).filter((kept) => kept.countersign)).toEqual([signed]);
});

test('a date that a worker made up does not stand before everything that comes after', async () => {
  const book = bookOf(createMemoryStorage(), asker);
  const [far, past, honest] = [Number.MAX_SAFE_INTEGER, 1, clock.now()].map((issuedAt) =>
    issueReceipt({ ...delivered(), issuedAt, prevWorker: '0'.repeat(64) }, worker),
  );
  for (const receipt of [far!, past!, honest!]) book.keep('asker', { receipt });
  await book.settled();
  const kept = await book.list('asker', 10);
  expect(kept.map(({ receipt }) => receipt)).toEqual([honest, past, far]);
});
