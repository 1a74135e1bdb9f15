import { systemClock, type Clock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine, type ScriptedOptions } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import type { Tuning } from '#lib/net/libp2p/tuning.ts';
import { createPeer, type Peer, type PeerComponents } from '#lib/peer/peer.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest, Consumer, JobEvent } from '#lib/peer/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createRelayNode, type RelayNodeOptions } from '../../../relay/node/relay.ts';

/** Whole peers over real js-libp2p on loopback, for the tests of this folder. */
const components = { clock: systemClock, random: systemRandom, logger: silentLogger };

const seedOf = (number: number): Uint8Array => new Uint8Array(32).fill(number);

export interface Relay {
  readonly peer: Peer;
  readonly address: () => string;
}

interface Given {
  readonly tuning?: Partial<Tuning>;
}

interface RelayGiven extends Given, Pick<RelayNodeOptions, 'relays'>, Pick<PeerComponents, 'network'> {
  readonly port?: number;
  readonly clock?: Clock;
}

export async function startRelay(
  number: number,
  { port = 0, tuning = {}, relays, network, clock = systemClock }: RelayGiven = {},
): Promise<Relay> {
  const seed = seedOf(number);
  const net = createRelayNode({ ...components, seed, listenPort: port, tuning, relays });
  const peer = await createPeer({
    ...components,
    clock,
    net,
    signer: createSigner(seed),
    storage: createMemoryStorage(),
    role: 'native',
    discovery: 'server',
    network,
  });
  await peer.start();
  const address = () => {
    const { host, port } = net.listening()!;
    return `/ip4/${host}/tcp/${port}/ws/p2p/${net.self}`;
  };
  return { peer, address };
}

export async function startPeer(
  number: number,
  relays: () => string | readonly string[],
  { tuning = {}, onRelayTime }: Given & Pick<PeerComponents, 'onRelayTime'> = {},
): Promise<Peer> {
  const seed = seedOf(number);
  const peer = await createPeer({
    ...components,
    net: createLibp2pNet({ ...components, seed, relays: () => [relays()].flat(), transports: 'node', tuning }),
    signer: createSigner(seed),
    storage: createMemoryStorage(),
    role: 'tab',
    discovery: 'client',
    onRelayTime,
  });
  await peer.start();
  return peer;
}

export const model = (options: Partial<ScriptedOptions> = {}, rate = 100): Promise<LoadedModel> =>
  createScriptedEngine({ clock: systemClock, ...options }).load(scriptedModel(rate), {});

export const chat = (content: string, change: Partial<AskRequest> = {}): AskRequest =>
  ({
    model: 'any',
    kind: 'chat',
    input: { messages: [{ role: 'user', content }] },
    params: { maxTokens: 2_000, temperature: 0 },
    tier: 'open',
    ...change,
  }) as AskRequest;

/** Runs a job to its end; `onEvent` sees each event with the state it led to. */
export async function run(
  consumer: Consumer,
  request: AskRequest,
  options: { signal?: AbortSignal; onEvent?: (event: JobEvent, state: JobState) => void } = {},
): Promise<JobState> {
  let state = initialJob;
  for await (const event of consumer.ask(request, { signal: options.signal })) {
    state = reduceJob(state, event);
    options.onEvent?.(event, state);
  }
  return state;
}

/** Looks again every few milliseconds, for as long as a busy machine may need. */
export async function eventually(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    if (tries > 4_000) throw new Error('this has not come to be');
    await systemClock.delay(10);
  }
}

export const knows = (peer: Peer, other: string) => eventually(() => peer.directory.get(other) !== undefined);
export const forgets = (peer: Peer, other: string) => eventually(() => peer.directory.get(other) === undefined);
