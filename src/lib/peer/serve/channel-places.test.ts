import { expect, test } from 'vitest';
import { createChannelPlaces, type ChannelPlace } from './channel-places.ts';

const leave = (place: ChannelPlace) => {
  if (place.type !== 'none') place.leave();
};

test('one peer has its share, all together have theirs, and what is over hears a word while there is room for words', () => {
  const places = createChannelPlaces({ servedMax: 3, refusedMax: 2 });
  const take = (peer: string) => places.take(peer, 2);
  const taken = ['A', 'A', 'A', 'B', 'B', 'C'].map(take);
  expect(taken.map(({ type }) => type)).toEqual(['served', 'served', 'refused', 'served', 'refused', 'none']);
  leave(taken[2]!);
  expect(take('C').type).toBe('refused');
  leave(taken[0]!);
  expect(take('C').type).toBe('served');
  expect(take('A').type).toBe('none');
});
