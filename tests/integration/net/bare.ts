import type { StreamHandler } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { vi } from 'vitest';
import { createLibp2pNode, type TabloomNode } from '#lib/net/libp2p/node.ts';
import { nodeTuning } from '#lib/net/libp2p/tuning.ts';
import type { RelayNode } from '../../../relay/node/relay.ts';
import { addressOf, seedOf } from './ground.ts';

/** A node without our net around it, so that a test can put its hands into what it says. Reserved at the relay. */
export interface BareNode {
  readonly node: TabloomNode;
  readonly peer: string;
  /** Of its circuit. */
  readonly address: string;
}

export async function bareNode(relay: RelayNode, number: number): Promise<BareNode> {
  const node = await createLibp2pNode({
    seed: seedOf(number),
    role: 'peer',
    tuning: nodeTuning,
    listen: ['/p2p-circuit', '/webrtc'],
    announce: [],
    iceServers: [],
    gater: {},
    topics: [],
  });
  await node.start();
  const before = relay.reservationCount();
  await node.dial(multiaddr(addressOf(relay)));
  await vi.waitUntil(() => relay.reservationCount() > before, { timeout: 90_000 });
  const peer = node.peerId.toString();
  return { node, peer, address: `${addressOf(relay)}/p2p-circuit/p2p/${peer}` };
}

/** What js-libp2p keeps to itself and a test needs to play a broken peer. */
interface Internals {
  readonly components: {
    readonly transportManager: { getTransports(): object[] };
    readonly registrar: {
      getHandler(protocol: string): { readonly handler: StreamHandler };
      handle(protocol: string, handler: StreamHandler, options: object): Promise<void>;
    };
  };
}

/** Which its WebRTC transport aborts when the node stops. */
export function webRtcShutdownOf(node: TabloomNode): AbortSignal {
  const transports = (node as unknown as Internals).components.transportManager.getTransports();
  const found = transports.find((one) => Object.prototype.toString.call(one) === '[object @libp2p/webrtc]');
  return (found as { shutdownController: AbortController }).shutdownController.signal;
}

export const registrarOf = (node: TabloomNode) => (node as unknown as Internals).components.registrar;
