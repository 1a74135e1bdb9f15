import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { loadIdentity, openSequence } from './identity.ts';

test('the same storage gives the same identity', async () => {
  const storage = createMemoryStorage();
  const first = await loadIdentity({ storage, random: seededRandom(1), logger: silentLogger });
  const second = await loadIdentity({ storage, random: seededRandom(2), logger: silentLogger });
  expect([first.origin, second.origin]).toEqual(['created', 'stored']);
  expect(second.seed).toEqual(first.seed);
  expect(second.signer.peer).toBe(first.signer.peer);
});

test('a stored seed that is none is replaced, and that is said without it', async () => {
  const storage = createMemoryStorage();
  await storage.put('identity', 'seed', Uint8Array.of(1, 2, 3));
  const warn = vi.fn();
  const identity = await loadIdentity({ storage, random: seededRandom(1), logger: { ...silentLogger, warn } });
  expect(identity.origin).toBe('replaced');
  expect(identity.seed).toHaveLength(32);
  expect(JSON.stringify(warn.mock.calls)).not.toContain(String(identity.seed[0]) + ',');
  expect(await storage.get('identity', 'seed')).toEqual(identity.seed);
});

test('numbers rise within a life, across lives, and when the clock is set back', async () => {
  const storage = createMemoryStorage();
  const open = (clock: ReturnType<typeof manualClock>) => openSequence({ storage, clock, logger: silentLogger });
  const first = await open(manualClock(5_000));
  expect([first.next(), first.next()]).toEqual([5_000, 5_001]);
  await first.settled();
  const later = await open(manualClock(9_000));
  expect(later.next()).toBe(9_000);
  await later.settled();
  const setBack = await open(manualClock(1_000));
  expect(setBack.next()).toBe(9_001);
});

test('numbers go on when the storage fails', async () => {
  const failing = {
    ...createMemoryStorage(),
    get: () => Promise.reject(new Error('no')),
    batch: () => Promise.reject(new Error('no')),
  };
  const sequence = await openSequence({ storage: failing, clock: manualClock(5_000), logger: silentLogger });
  expect([sequence.next(), sequence.next()]).toEqual([5_000, 5_001]);
  await sequence.settled();
});

test('a number does not wait for the disk', async () => {
  const storage = createMemoryStorage();
  const batch = vi.spyOn(storage, 'batch');
  const put = vi.spyOn(storage, 'put');
  const sequence = await openSequence({ storage, clock: manualClock(5_000), logger: silentLogger });
  sequence.next();
  await sequence.settled();
  expect(put).not.toHaveBeenCalled();
  expect(batch.mock.calls.map(([, options]) => options)).toEqual([{ durability: 'relaxed' }]);
});
