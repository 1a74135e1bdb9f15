import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { wishLimits, type Wish } from '#lib/protocol/wish.ts';
import { createWishBook } from './wish-book.ts';

const [llama, gemma] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const peerOf = (number: number) => {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, number);
  return createSigner(seed).peer;
};

function setup() {
  const clock = manualClock();
  const book = createWishBook({ clock });
  const wish = (number: number, change: Partial<Wish> = {}): Wish => ({
    peer: peerOf(number),
    issuedAt: clock.now(),
    ttlMs: wishLimits.ttlMs,
    artefacts: [llama],
    ...change,
  });
  const take = (one: Wish, places: readonly string[] = []) => {
    const verdict = book.check(one, places);
    if (verdict === 'fresh') book.put(one, places);
    return verdict;
  };
  return { clock, book, wish, take };
}

test('each peer counts once for a model, by its last wish', async () => {
  const { clock, book, wish, take } = setup();
  take(wish(1));
  take(wish(2, { artefacts: [llama, gemma] }));
  expect([...book.counts()]).toEqual([
    [llama, 2],
    [gemma, 1],
  ]);
  await clock.advance(1_000);
  take(wish(2, { artefacts: [gemma] }));
  expect([...book.counts()]).toEqual([
    [llama, 1],
    [gemma, 1],
  ]);
});

test('a wish lapses unless it is said again', async () => {
  const { clock, book, wish, take } = setup();
  take(wish(1));
  await clock.advance(wishLimits.ttlMs - 1);
  expect(book.counts().get(llama)).toBe(1);
  await clock.advance(1);
  expect(book.counts().size).toBe(0);
  take(wish(1));
  expect(book.counts().get(llama)).toBe(1);
});

test('what was taken back is not brought back by an older wish that is still dated right', async () => {
  const { clock, book, wish, take } = setup();
  const long = wish(1, { ttlMs: wishLimits.ttlMsMax });
  take(long);
  await clock.advance(1_000);
  take(wish(1, { artefacts: [], ttlMs: 1_000 }));
  for (let waitedMs = 0; waitedMs < wishLimits.ttlMsMax; waitedMs += 60_000) {
    await clock.advance(60_000);
    expect(take(long)).toBe('stale');
    expect(book.counts().size).toBe(0);
  }
});

test('a wish from the future, an expired one and the same again are stale', async () => {
  const { clock, wish, take } = setup();
  const { clockSkewMs, ttlMs } = wishLimits;
  expect(take(wish(1, { issuedAt: clock.now() + clockSkewMs + 1 }))).toBe('stale');
  expect(take(wish(1, { issuedAt: clock.now() - ttlMs - clockSkewMs }))).toBe('stale');
  expect(take(wish(1, { issuedAt: clock.now() + clockSkewMs }))).toBe('fresh');
  expect(take(wish(1, { issuedAt: clock.now() + clockSkewMs }))).toBe('stale');
});

test('a date ahead of the clock makes no wish live longer', async () => {
  const { clock, book, wish, take } = setup();
  take(wish(1, { issuedAt: clock.now() + wishLimits.clockSkewMs }));
  await clock.advance(wishLimits.ttlMs);
  expect(book.counts().size).toBe(0);
});

test('the peers of one machine are bounded, and those of its zone four times over', async () => {
  const { clock, wish, take } = setup();
  const { peersPerMachineMax, zoneFactor, ttlMsMax, clockSkewMs } = wishLimits;
  const here = ['192.0.2.1', 'zone 192.0.2'];
  for (let i = 0; i < peersPerMachineMax; i++) expect(take(wish(i), here)).toBe('fresh');
  expect(take(wish(1_000), here)).toBe('full');
  expect(take(wish(1_000))).toBe('fresh');
  // Who has a place keeps it.
  await clock.advance(1_000);
  expect(take(wish(3), here)).toBe('fresh');
  let inZone = peersPerMachineMax;
  for (let machine = 2; machine < 9; machine++)
    for (let i = 0; i < peersPerMachineMax; i++)
      if (take(wish(machine * 2_000 + i), [`192.0.2.${machine}`, 'zone 192.0.2']) === 'fresh') inZone += 1;
  expect(inZone).toBe(peersPerMachineMax * zoneFactor);
  expect(take(wish(90_000), ['198.51.100.1', 'zone 198.51.100'])).toBe('fresh');
  // Room is made when they are forgotten.
  await clock.advance(ttlMsMax + clockSkewMs + 1_000);
  expect(take(wish(1_001), here)).toBe('fresh');
});

test('the book is bounded, and those in it may still change what they wish', async () => {
  const { clock, book, wish, take } = setup();
  for (let i = 0; i < wishLimits.peersMax; i++) book.put({ ...wish(0), peer: `peer-${i}` }, []);
  expect(take(wish(1))).toBe('full');
  await clock.advance(1);
  expect(take({ ...wish(0), peer: 'peer-5', artefacts: [gemma] })).toBe('fresh');
  expect(book.counts().get(llama)).toBe(wishLimits.peersMax - 1);
});
