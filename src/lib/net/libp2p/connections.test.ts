import { multiaddr } from '@multiformats/multiaddr';
import { expect, test, vi } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { followConnections } from './connections.ts';
import type { TabloomNode } from './node.ts';

const peer = createSigner(new Uint8Array(32).fill(1)).peer;

test('connections are tracked as they open and close, without querying the node for all of them', () => {
  const events = new EventTarget();
  const getConnections = vi.fn();
  const node = Object.assign(events, { getConnections }) as unknown as TabloomNode;
  const [onChange, onGone] = [vi.fn(), vi.fn()];
  const connections = followConnections(node, { onChange, onGone });
  const tell = (type: string, detail: unknown) => events.dispatchEvent(new CustomEvent(type, { detail }));
  const at = (port: number) => ({
    remotePeer: { toString: () => peer },
    remoteAddr: multiaddr(`/ip4/192.0.2.1/tcp/${port}/ws/p2p/${peer}`),
    direction: 'inbound',
  });

  const [first, second] = [at(1), at(2)];
  tell('connection:open', first);
  tell('connection:open', second);
  const status = { peer, path: 'direct', transport: 'websocket', direction: 'inbound' };
  const addrs = [first, second].map(({ remoteAddr }) => remoteAddr.toString());
  expect(connections.statuses()).toEqual(addrs.map((addr) => ({ ...status, addr })));
  tell('connection:close', first);
  expect(onGone).not.toHaveBeenCalled();
  tell('connection:close', second);
  tell('peer:disconnect', second.remotePeer);
  expect(connections.statuses()).toEqual([]);
  expect(onGone.mock.calls).toEqual([[peer]]);
  expect(onChange).toHaveBeenCalledTimes(4);
  expect(getConnections).not.toHaveBeenCalled();
});
