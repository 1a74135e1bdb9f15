import { afterEach, expect, test, vi } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { manualClock, runPending } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createSigner, decodeEnvelope, encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { installEd25519, portableEd25519 } from '#lib/protocol/ed25519.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { BatchOptions, KeyValue, Write } from '#lib/storage/spec.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { checkChain, findFork } from '#lib/trust/chain.ts';
import type { Received } from '#lib/trust/check.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { countersign, issueReceipt, openReceipt } from '#lib/trust/receipt.ts';
import { job } from './peer.fixture.ts';
import { createReceiptBook } from './receipt-book.ts';
import { receiptStoreLimits } from './receipt-store.ts';

const worker = createSigner(new Uint8Array(32).fill(1));
const asker = createSigner(new Uint8Array(32).fill(2));
const { keptMax, pruneEvery, flushMs, quietMs } = receiptStoreLimits;

afterEach(() => installEd25519(portableEd25519));

function setup(signer = worker) {
  const clock = manualClock();
  const bookOf = (storage: KeyValue) => createReceiptBook({ storage, signer, clock, logger: silentLogger });
  return { clock, bookOf };
}

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
type Given = ReturnType<typeof delivered>;
const issued = (given: Given, issuedAt: number, prevWorker = '0'.repeat(64)) =>
  issueReceipt({ ...given, issuedAt, prevWorker }, worker).envelope;
const received = (given: Given, at: number): Received => ({
  ...given,
  worker: worker.peer,
  usage: { tokensIn: 0, tokensOut: 0 },
  askedAt: at,
  receivedAt: at,
});

/** A storage whose batches are stored when and as the test says. */
function gated(
  storage: KeyValue,
  batch: (writes: readonly Write[], options?: BatchOptions) => Promise<void>,
): KeyValue {
  return {
    ...storage,
    batch: async (writes, options) => {
      await batch(writes, options);
      return storage.batch(writes);
    },
  };
}

const receiptsOf = async (book: ReturnType<ReturnType<typeof setup>['bookOf']>): Promise<Envelope[]> =>
  (await book.list('worker', 100)).map(({ receipt }) => receipt).toReversed();

test('a receipt is given out once the storage knows that a link may be missing, so that a crash forks no chain', async () => {
  const { bookOf } = setup();
  const storage = createMemoryStorage();
  const stored = Promise.withResolvers<void>();
  let given: Envelope | undefined;
  const issuing = bookOf(gated(storage, () => stored.promise))
    .issue(delivered())
    .then((receipt) => (given = receipt));
  await runPending();
  expect(given).toBeUndefined();
  stored.resolve();
  const one = await issuing;
  // The first book is never settled: it was killed.
  const two = await bookOf(storage).issue(delivered());
  expect(checkChain('worker', [one, two])).toEqual({ type: 'broken', at: 1, reason: 'not-linked' });
  expect(findFork('worker', [one], [two])).toBeUndefined();
});

test('a book that was settled, or left alone for a while, goes on without a gap', async () => {
  for (const end of ['settled', 'quiet'] as const) {
    const { bookOf, clock } = setup();
    const storage = createMemoryStorage();
    const book = bookOf(storage);
    const chain = [await book.issue(delivered())];
    await clock.advance(quietMs / 2);
    chain.push(await book.issue(delivered()));
    await (end === 'settled' ? book.settled() : clock.advance(quietMs + flushMs));
    chain.push(await bookOf(storage).issue(delivered()));
    expect(checkChain('worker', chain), end).toMatchObject({ type: 'whole' });
  }
});

test('where nothing can be stored the answer goes out all the same, and it is stored with what follows', async () => {
  const { bookOf } = setup();
  const storage = createMemoryStorage();
  let full = true;
  const book = bookOf(
    gated(storage, async () => {
      if (full) throw new TabloomError('storage-full', 'no room');
    }),
  );
  const one = await book.issue(delivered());
  full = false;
  await book.settled();
  const next = bookOf(storage);
  const two = await next.issue(delivered());
  expect(checkChain('worker', [one, two])).toMatchObject({ type: 'whole' });
  expect(await receiptsOf(next)).toEqual([one, two]);
});

test('a storage that hangs holds an answer back for a second', async () => {
  const { bookOf, clock } = setup();
  let given: Envelope | undefined;
  const book = bookOf(gated(createMemoryStorage(), () => new Promise(() => undefined)));
  void book.issue(delivered()).then((receipt) => (given = receipt));
  await clock.advance(999);
  expect(given).toBeUndefined();
  await clock.advance(1);
  expect(given).toBeDefined();
});

test('a place that cannot be read is a gap, never a second first link', async () => {
  const { bookOf } = setup();
  const storage = createMemoryStorage();
  const book = bookOf(storage);
  const one = await book.issue(delivered());
  await book.settled();
  const unreadable = { ...storage, get: () => Promise.reject(new TabloomError('storage-unavailable', 'no')) };
  const two = await bookOf(unreadable).issue(delivered());
  expect(checkChain('worker', [one, two])).toEqual({ type: 'broken', at: 1, reason: 'not-linked' });
  expect(findFork('worker', [one], [two])).toBeUndefined();
});

test('killed between any two writes, and again after the next start, it has shown one history', async () => {
  // Thousands of links are made and looked at; what is asked for is their order, not their signatures.
  const sig = worker.sign(new Uint8Array());
  installEd25519({ createKey: portableEd25519.createKey, holds: () => true });
  const signer = { ...worker, sign: () => sig };
  /** Lives until the storage has taken so many batches; the one after that never comes back, with or without its effect. */
  const live = async (storage: KeyValue, lives: number, last: 'lost' | 'stored') => {
    const { bookOf, clock } = setup(signer);
    const left: Envelope[] = [];
    const kill = Promise.withResolvers<void>();
    let killed = false;
    const issue = () => void book.issue(delivered()).then((receipt) => void (killed || left.push(receipt)));
    const book = bookOf(
      gated(storage, async (writes) => {
        // In the very moment in which the heads are said to be whole another link is made.
        if (writes.some(({ type, key }) => type === 'delete' && key === 'chain-open') && lives > 0) issue();
        await runPending();
        if (lives-- > 0) return;
        killed = true;
        kill.resolve();
        if (last === 'stored') await storage.batch(writes);
        return new Promise(() => undefined);
      }),
    );
    for (const pauseMs of [0, 0, 60, 60, 110, 0, 2_500, 0, 30, 2_200, 0]) {
      issue();
      for (let ms = 0; ms <= pauseMs && !killed; ms += 20) await clock.advance(20);
      if (killed) return { left, killed };
    }
    await Promise.race([book.settled(), kill.promise]);
    // The process is over; what it had not done yet it never does.
    const byStorage = killed;
    lives = 0;
    killed = true;
    return { left, killed: byStorage };
  };
  let kills = 0;
  for (const last of ['lost', 'stored'] as const) {
    for (let at = 0; at < 20; at++) {
      const storage = createMemoryStorage();
      const first = await live(storage, at, last);
      if (first.killed) kills += 1;
      const second = await live(storage, 1, last);
      const third = await live(storage, 99, last);
      const shown = [first, second, third].flatMap(({ left }) => left);
      expect(findFork('worker', shown, []), `${last} ${at}`).toBeUndefined();
      const [one, ...rest] = third.left.map(openReceipt).sort((a, b) => a.record.issuedAt - b.record.issuedAt);
      const chain = rest.map(({ envelope }) => envelope);
      expect(checkChain('worker', chain, one!.hash)).toMatchObject({ type: 'whole' });
    }
  }
  expect(kills).toBeGreaterThan(15);
});

test('links that follow each other closely cost one write together, and none of them waits', async () => {
  const { bookOf, clock } = setup();
  const batches: (readonly Write[])[] = [];
  const book = bookOf(gated(createMemoryStorage(), async (writes) => void batches.push(writes)));
  for (let i = 0; i < 50; i++) await book.issue(delivered());
  expect(batches).toHaveLength(1);
  await clock.advance(flushMs);
  expect(batches).toHaveLength(2);
  expect(batches[1]!.filter(({ store }) => store === 'receipts')).toHaveLength(50);
  await clock.advance(quietMs);
  expect(batches.slice(2)).toEqual([
    expect.arrayContaining([{ type: 'delete', store: 'identity', key: 'chain-open' }]),
  ]);
});

test('only the mark waits for the disk itself', async () => {
  const { bookOf, clock } = setup();
  const seen: [marks: boolean, durability: BatchOptions['durability']][] = [];
  const storage = gated(createMemoryStorage(), async (writes, options) => {
    const marks = writes.some(({ type, key }) => type === 'put' && key === 'chain-open');
    seen.push([marks, options?.durability]);
  });
  const book = bookOf(storage);
  await book.issue(delivered());
  await clock.advance(flushMs);
  await book.issue(delivered());
  await clock.advance(flushMs);
  await clock.advance(quietMs);
  expect(seen).toEqual([
    [true, undefined],
    [false, 'relaxed'],
    [false, 'relaxed'],
    [false, 'relaxed'],
  ]);
});

test('what a worker issued is kept whether or not its asker signs: its chain has no gaps', async () => {
  const { bookOf } = setup();
  const book = bookOf(createMemoryStorage());
  // Many in one millisecond, of ids in no order.
  const ids = ['c', 'a', 'd', 'b'].map((digit) => digit.repeat(32));
  const receipts = await Promise.all(ids.map((id) => book.issue(delivered({ id }))));
  expect(await receiptsOf(book)).toEqual(receipts);
  expect(checkChain('worker', await receiptsOf(book))).toMatchObject({ type: 'whole' });

  const answer = countersign(openReceipt(receipts[1]!), '0'.repeat(64), asker);
  expect(book.acknowledge(receipts[2]!, answer)).toBe(false);
  expect(book.acknowledge(receipts[1]!, answer)).toBe(true);
  expect(await receiptsOf(book)).toHaveLength(4);
  expect((await book.list('worker', 100)).filter((kept) => kept.countersign)).toEqual([
    { receipt: receipts[1], countersign: answer },
  ]);
});

test('a receipt that another signed is not acknowledged as an own one', () => {
  const { bookOf } = setup(createSigner(new Uint8Array(32).fill(3)));
  const foreign = issued(delivered(), 1);
  const answer = countersign(openReceipt(foreign), '0'.repeat(64), asker);
  expect(bookOf(createMemoryStorage()).acknowledge(foreign, answer)).toBe(false);
});

test('an asker signs what holds, keeps what the worker at least signed for it, and nothing else', async () => {
  const { bookOf, clock } = setup(asker);
  const book = bookOf(createMemoryStorage());
  const given = [delivered(), delivered(), delivered()] as const;
  const at = clock.now();
  const good = await book.take(issued(given[0], at), received(given[0], at));
  expect(Object.values(good.receiptCheck)).toEqual([true, true, true, true, true, true]);
  const wrong = await book.take(issued(given[1], at), {
    ...received(given[1], at),
    usage: { tokensIn: 1, tokensOut: 0 },
  });
  expect(wrong.receiptCheck).toMatchObject({ worker: true, counts: false });
  const foreign = await book.take(issued(given[2], at), { ...received(given[2], at), worker: asker.peer });
  expect([wrong, foreign].map(({ receipt }) => receipt.countersign)).toEqual([undefined, undefined]);
  expect(await book.list('asker', 10)).toEqual([wrong.receipt, good.receipt]);
});

test('a date that a worker made up does not stand before everything that comes after', async () => {
  const { bookOf, clock } = setup(asker);
  const book = bookOf(createMemoryStorage());
  const given = delivered();
  const dates = [Number.MAX_SAFE_INTEGER, 1, clock.now()];
  // Believed only so far as to be kept: the asker's own clock is set to each date.
  for (const date of dates) await book.take(issued(given, date), { ...received(given, date), reason: 'length' });
  const kept = await book.list('asker', 10);
  expect(kept.map(({ receipt }) => openReceipt(receipt).record.issuedAt)).toEqual(dates.toReversed());
});

test.each([
  ['two checks, one of each at either side', (envelope: Envelope) => decodeEnvelope(encodeEnvelope(envelope)), 2],
  ['no check where both sides are in this process', (envelope: Envelope) => envelope, 0],
])('a request costs two signatures and %s', async (_, travel, checks) => {
  const holds = vi.fn(portableEd25519.holds);
  const sign = vi.fn();
  installEd25519({
    holds,
    createKey: (seed) => {
      const key = portableEd25519.createKey(seed);
      return { ...key, sign: (message) => (sign(), key.sign(message)) };
    },
  });
  const { clock } = setup();
  const book = (fill: number) =>
    createReceiptBook({
      storage: createMemoryStorage(),
      signer: createSigner(new Uint8Array(32).fill(fill)),
      clock,
      logger: silentLogger,
    });
  const [serving, asking] = [book(1), book(2)];
  const given = delivered();
  const receipt = await serving.issue(given);
  const taken = await asking.take(travel(receipt), received(given, clock.now()));
  expect(serving.acknowledge(receipt, travel(taken.receipt.countersign!))).toBe(true);
  expect([sign.mock.calls.length, holds.mock.calls.length]).toEqual([2, checks]);
});

test('the oldest receipts go by a count, and only they are read for it', async () => {
  const { bookOf, clock } = setup();
  const storage = createMemoryStorage();
  const names = Array.from({ length: keptMax }, (_, i) => `worker/${String(i).padStart(16, '0')}/old`);
  const put = (key: string): Write => ({ type: 'put', store: 'receipts', key, value: {} });
  await storage.batch(names.map(put));
  let read = 0;
  const counted: KeyValue = {
    ...storage,
    list: async (store, options) => {
      const entries = await storage.list(store, options);
      read += entries.length;
      return entries;
    },
  };
  const book = bookOf(counted);
  await book.issue(delivered());
  await clock.advance(flushMs);
  // An older build kept no count: once, everything is counted.
  expect(read).toBe(keptMax);
  for (let i = 1; i < pruneEvery; i++) await book.issue(delivered());
  await clock.advance(flushMs);
  expect(read).toBe(keptMax + pruneEvery);
  const left = await storage.list('receipts', { prefix: 'worker/', limit: 2 * keptMax });
  expect([left.length, left[0]!.key]).toEqual([keptMax, names[pruneEvery]]);
  await book.settled();
  const next = bookOf(counted);
  await next.issue(delivered());
  await next.settled();
  expect(read).toBe(keptMax + pruneEvery);
});
