import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom, systemRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createNodeEd25519 } from '../../relay/ed25519.ts';
import { median, spread, type Row } from './row.ts';

const model = scriptedModel(0);
const longTokens = 2_000;
const rounds = 5;

/**
 * Processor time on the whole way of a request and of a token: two peers in this process, their sessions, frames, receipts
 * and signatures for real, the engine and the net in memory. What is measured is the house, not the wire.
 */
export default async function walk(): Promise<readonly Row[]> {
  installEd25519(createNodeEd25519());
  const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1) });
  const open = async (fill: number, discovery: 'client' | 'server'): Promise<Peer> => {
    const seed = new Uint8Array(32).fill(fill);
    const peer = await createPeer({
      net: network.createNet({ seed }),
      signer: createSigner(seed),
      storage: createMemoryStorage(),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      role: 'native',
      discovery,
      jobsPerPeerMax: () => 64,
    });
    await peer.start();
    return peer;
  };
  const worker = await open(1, 'client');
  const asker = await open(2, 'server');
  const engine = createScriptedEngine({ clock: systemClock, tokensPerSecond: 0, answerTokens: longTokens, slots: 8 });
  worker.provider.offerModel(await engine.load(model, {}));
  while (asker.directory.size === 0) await systemClock.delay(10);

  const ask = async (maxTokens: number): Promise<number> => {
    let tokens = 0;
    const request = {
      model: { artefact: model.artefact },
      kind: 'chat' as const,
      input: { messages: [{ role: 'user' as const, content: 'hello' }] },
      params: { maxTokens, temperature: 0 },
      tier: 'open' as const,
    };
    for await (const event of asker.consumer.ask(request)) {
      if (event.type === 'part-received' && 'tokens' in event.part) tokens += event.part.tokens;
      if (event.type === 'job-failed') throw new Error(event.error.message);
    }
    return tokens;
  };
  const cpuMs = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };

  for (let i = 0; i < 1_000; i++) await ask(1);
  const request: number[] = [];
  const token: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const short = await cpuMs(async () => {
      for (let i = 0; i < 200; i++) await ask(1);
    });
    request.push(short / 200);
    const long = await cpuMs(() => ask(longTokens));
    token.push((long - short / 200) / (longTokens - 1));
  }
  await asker.stop();
  await worker.stop();
  return [row('processor time of a request', request, ''), row('processor time of a token', token, '0.1 ms at most')];
}

const row = (what: string, values: readonly number[], goal: string): Row => ({
  what: `${what}, two peers in one process`,
  value: `${median(values).toFixed(3)} ms`,
  goal,
  note: spread(values, 3),
});
