import { offersTopic } from '#lib/protocol/find.ts';
import type { Net } from '#lib/net/spec.ts';
import type { RelayNode, RelayNodeOptions } from '../../../relay/node/relay.ts';
import { netAt, relayOn } from './ground.ts';

/** A relay and many peers that all come from one address, as behind a proxy. */
export interface Crowd {
  readonly relay: RelayNode;
  readonly nets: readonly Net[];
  /** How often a peer lost the relay or failed to reach it. */
  readonly losses: () => number;
  stop(): Promise<void>;
}

/** @param first the number of the relay's seed; the peers follow it. */
export async function gather(
  first: number,
  size: number,
  tuning: RelayNodeOptions['tuning'] = {},
  peers: RelayNodeOptions['tuning'] = {},
): Promise<Crowd> {
  const relay = relayOn(first, { tuning });
  await relay.start();
  relay.subscribe(offersTopic, { validate: () => 'accept', deliver: () => undefined });
  const nets = Array.from({ length: size }, (_, i) => netAt(relay, first + 1 + i, { tuning: peers }));
  let losses = 0;
  for (const net of nets) {
    let before: string | undefined;
    net.onStatus(({ relays }) => {
      const state = relays[0]?.state;
      if (state === 'lost' && before !== 'lost') losses++;
      before = state;
    });
  }
  await Promise.all(nets.map((net) => net.start()));
  return {
    relay,
    nets,
    losses: () => losses,
    async stop() {
      await Promise.all(nets.map((net) => net.stop()));
      await relay.stop();
    },
  };
}
