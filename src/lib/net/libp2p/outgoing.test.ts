import { expect, test } from 'vitest';
import { createOutgoing } from './outgoing.ts';

const busy = expect.objectContaining({ code: 'busy', details: { peer: 'B' } });

test('one more than the limit is refused, until a place is free again', () => {
  const outgoing = createOutgoing(2);
  const free = outgoing.take('B', '/job');
  outgoing.take('B', '/job');
  expect(() => outgoing.take('B', '/job')).toThrow(busy);
  free();
  outgoing.take('B', '/job');
  expect(() => outgoing.take('B', '/job')).toThrow(busy);
});

test('a place that is freed twice is one place', () => {
  const outgoing = createOutgoing(2);
  const free = outgoing.take('B', '/job');
  outgoing.take('B', '/job');
  free();
  free();
  outgoing.take('B', '/job');
  expect(() => outgoing.take('B', '/job')).toThrow(busy);
});

test('peers and protocols have limits of their own', () => {
  const outgoing = createOutgoing(1);
  outgoing.take('B', '/job');
  expect(() => outgoing.take('B', '/find')).not.toThrow();
  expect(() => outgoing.take('C', '/job')).not.toThrow();
});
