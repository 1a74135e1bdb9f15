import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine, type ScriptedOptions } from '#lib/engine/scripted.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import type { Purse } from '#lib/pay/ports.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';

/** A peer in this process that serves a scripted model through a relay, as a tab would. Started. */
export async function startWorker(
  relayUrl: string,
  tokensPerSecond: number,
  scripted: Partial<ScriptedOptions> = {},
): Promise<Peer> {
  const peer = await createAsker(relayUrl);
  const engine = createScriptedEngine({ clock: systemClock, ...scripted });
  peer.provider.offerModel(await engine.load(scriptedModel(tokensPerSecond), {}));
  await peer.start();
  return peer;
}

/** A peer in this process that serves nothing, as a tab that only asks. To be started. */
export async function createAsker(relayUrl: string, { purse }: { readonly purse?: Purse } = {}): Promise<Peer> {
  const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const seed = parts.random.bytes(32);
  const info = relayInfoSchema.parse(await (await fetch(`${relayUrl}/relay.json`)).json());
  const address = `/ip4/127.0.0.1/tcp/${new URL(relayUrl).port}/ws/p2p/${info.peer}`;
  return createPeer({
    ...parts,
    net: createLibp2pNet({ ...parts, seed, transports: 'node', insecureDial: 'allow', relays: () => [address] }),
    signer: createSigner(seed),
    storage: createMemoryStorage(),
    role: 'tab',
    discovery: 'client',
    purse,
  });
}
