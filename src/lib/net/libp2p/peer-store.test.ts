import type { PeerData, PeerId, PeerStore } from '@libp2p/interface';
import { expect, test } from 'vitest';
import { skipStreamNotes } from './peer-store.ts';

function watched() {
  const merged: PeerData[] = [];
  const store = { merge: (_peer: PeerId, data: PeerData) => Promise.resolve(void merged.push(data)) };
  skipStreamNotes(store as unknown as PeerStore);
  const merge = (data: PeerData) => (store as unknown as PeerStore).merge({} as PeerId, data);
  return { merged, merge };
}

test('a stream of our own protocols is not written into the peer store', async () => {
  const { merged, merge } = watched();
  expect(await merge({ protocols: ['/tabloom/job/2'] })).toMatchObject({ protocols: [] });
  expect(merged).toEqual([]);
});

test.each<PeerData>([
  { protocols: ['/meshsub/1.2.0'] },
  { protocols: ['/tabloom/job/2', '/libp2p/circuit/relay/0.2.0/hop'] },
  { protocols: ['/tabloom/job/2'], multiaddrs: [] },
  { tags: {} },
])('all else is: %j', async (data) => {
  const { merged, merge } = watched();
  await merge(data);
  expect(merged).toEqual([data]);
});
