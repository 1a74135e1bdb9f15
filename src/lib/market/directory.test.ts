import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createDirectory } from './directory.ts';
import { envelopeFixture, nowMs, marketOffer, peerFixture } from './offer.fixture.ts';
import type { DirectoryChange } from './spec.ts';

function setup(limits = {}) {
  const clock = manualClock(nowMs);
  const directory = createDirectory({ clock, limits });
  const changes: string[] = [];
  directory.onChange((change: DirectoryChange) =>
    changes.push(change.type === 'offer' ? `offer ${change.entry.offer.seq}` : `gone ${change.peer}`),
  );
  const consider = (name: string, over = {}) => directory.consider(marketOffer(name, over), envelopeFixture);
  return { clock, directory, changes, consider };
}

test('keeps a fresh offer until it expires, and tells when it has gone', async () => {
  const { clock, directory, changes, consider } = setup();
  expect(consider('A')).toBe('fresh');
  expect(directory.entries()).toHaveLength(1);
  expect(directory.get(peerFixture('A'))?.expiresAt).toBe(nowMs + 45_000);

  await clock.advance(44_999);
  expect(directory.entries()).toHaveLength(1);
  await clock.advance(1);
  expect(directory.entries()).toEqual([]);
  expect(directory.get(peerFixture('A'))).toBeUndefined();
  directory.expire();
  expect(changes).toEqual(['offer 1', `gone ${peerFixture('A')}`]);
});

test('the newest seq replaces; the same and older ones do nothing', () => {
  const { directory, changes, consider } = setup();
  expect(consider('A', { seq: 5 })).toBe('fresh');
  expect(consider('A', { seq: 5 })).toBe('repeated');
  expect(consider('A', { seq: 4 })).toBe('stale');
  expect(consider('A', { seq: 6 })).toBe('fresh');
  expect(directory.entries().map(({ offer }) => offer.seq)).toEqual([6]);
  expect(changes).toEqual(['offer 5', 'offer 6']);
});

test('dates must lie within the TTL and the allowed skew', () => {
  const { consider } = setup();
  expect(consider('A', { issuedAt: nowMs + 10_001 })).toBe('ahead');
  expect(consider('A', { issuedAt: nowMs + 10_000 })).toBe('fresh');
  expect(consider('B', { issuedAt: nowMs - 55_000 })).toBe('stale');
  expect(consider('B', { issuedAt: nowMs - 54_999 })).toBe('fresh');
});

test('a clock ahead does not make an offer live longer than its TTL', () => {
  const { directory, consider } = setup();
  consider('A', { issuedAt: nowMs + 9_000 });
  expect(directory.get(peerFixture('A'))?.expiresAt).toBe(nowMs + 45_000);
});

test('a peer that speaks too often is not heard until the window has passed', async () => {
  const { clock, consider } = setup({ perWindowMax: 2, windowMs: 1_000 });
  expect(consider('A', { seq: 1 })).toBe('fresh');
  expect(consider('A', { seq: 2 })).toBe('fresh');
  expect(consider('A', { seq: 3 })).toBe('too-often');
  expect(consider('B', { seq: 1 })).toBe('fresh');
  await clock.advance(1_000);
  expect(consider('A', { seq: 3 })).toBe('fresh');
});

test('a full directory takes no new peer but hears those it has, and makes room by expiry', async () => {
  const { clock, consider } = setup({ offersMax: 2 });
  consider('A');
  consider('B');
  expect(consider('C')).toBe('full');
  expect(consider('A', { seq: 2 })).toBe('fresh');
  await clock.advance(46_000);
  expect(consider('C', { issuedAt: nowMs + 46_000 })).toBe('fresh');
});

test('an offer replayed after the goodbye cannot bring the peer back', () => {
  const { directory, changes, consider } = setup();
  consider('A', { seq: 7 });
  expect(consider('A', { seq: 8, draining: true, models: [] })).toBe('fresh');
  expect(directory.entries()).toEqual([]);
  expect(consider('A', { seq: 7 })).toBe('stale');
  expect(consider('A', { seq: 8 })).toBe('repeated');
  expect(consider('A', { seq: 9 })).toBe('fresh');
  expect(changes).toEqual(['offer 7', `gone ${peerFixture('A')}`, 'offer 9']);
});

test('remove says whether the peer was known, and tells only then', () => {
  const { directory, changes, consider } = setup();
  consider('A');
  expect(directory.remove(peerFixture('A'))).toBe(true);
  expect(directory.remove(peerFixture('A'))).toBe(false);
  expect(changes).toHaveLength(2);
});

test('what was heard of gone peers stays within twice the limit', () => {
  const { directory, consider } = setup({ offersMax: 2 });
  consider('L', { seq: 3 });
  for (const name of ['A', 'B', 'C', 'D', 'E']) {
    consider(name, { seq: 3 });
    directory.remove(peerFixture(name));
  }
  expect(consider('A', { seq: 2 })).toBe('fresh');
  expect(consider('E', { seq: 2 })).toBe('stale');
  expect(consider('L', { seq: 2 }), 'a live one is never forgotten').toBe('stale');
});
