import { expect, test } from 'vitest';
import { createChannelPermits, type ChannelPermit } from './channel-permits.ts';

const release = (permit: ChannelPermit) => {
  if (permit.type !== 'drop') permit.release();
};

test('each peer has its share and all together have theirs; the rest is answered busy while there is room for that', () => {
  const permits = createChannelPermits({ servedMax: 3, refusedMax: 2 });
  const take = (peer: string) => permits.take(peer, 2);
  const taken = ['A', 'A', 'A', 'B', 'B', 'C'].map(take);
  expect(taken.map(({ type }) => type)).toEqual(['serve', 'serve', 'refuse', 'serve', 'refuse', 'drop']);
  release(taken[2]!);
  expect(take('C').type).toBe('refuse');
  release(taken[0]!);
  expect(take('C').type).toBe('serve');
  expect(take('A').type).toBe('drop');
});
