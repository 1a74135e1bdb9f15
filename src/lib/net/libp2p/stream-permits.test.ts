import { expect, test } from 'vitest';
import { createStreamPermits } from './stream-permits.ts';

const busy = expect.objectContaining({ code: 'busy', details: { peer: 'B' } });

test('one more than the limit is refused, until a place is free again', () => {
  const permits = createStreamPermits(2);
  const free = permits.take('B', '/job');
  permits.take('B', '/job');
  expect(() => permits.take('B', '/job')).toThrow(busy);
  free();
  permits.take('B', '/job');
  expect(() => permits.take('B', '/job')).toThrow(busy);
});

test('a place that is freed twice is one place', () => {
  const permits = createStreamPermits(2);
  const free = permits.take('B', '/job');
  permits.take('B', '/job');
  free();
  free();
  permits.take('B', '/job');
  expect(() => permits.take('B', '/job')).toThrow(busy);
});

test('peers and protocols have limits of their own', () => {
  const permits = createStreamPermits(1);
  permits.take('B', '/job');
  expect(() => permits.take('B', '/find')).not.toThrow();
  expect(() => permits.take('C', '/job')).not.toThrow();
});
