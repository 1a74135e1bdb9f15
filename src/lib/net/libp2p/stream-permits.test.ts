import { expect, test } from 'vitest';
import { createStreamPermits } from './stream-permits.ts';

const busy = expect.objectContaining({ code: 'busy', details: { peer: 'B' } });

test('refuses one more than the limit until a permit is released', () => {
  const permits = createStreamPermits(2);
  const free = permits.take('B', '/job');
  permits.take('B', '/job');
  expect(() => permits.take('B', '/job')).toThrow(busy);
  free();
  permits.take('B', '/job');
  expect(() => permits.take('B', '/job')).toThrow(busy);
});

test('releasing a permit twice frees one', () => {
  const permits = createStreamPermits(2);
  const free = permits.take('B', '/job');
  permits.take('B', '/job');
  free();
  free();
  permits.take('B', '/job');
  expect(() => permits.take('B', '/job')).toThrow(busy);
});

test('limits are per peer and protocol', () => {
  const permits = createStreamPermits(1);
  permits.take('B', '/job');
  expect(() => permits.take('B', '/find')).not.toThrow();
  expect(() => permits.take('C', '/job')).not.toThrow();
});
