import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { scriptedModel } from '#lib/engine/catalog/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { createWorkerEngine } from '#lib/engine/worker/client.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';

/** One answer as its reader saw it. */
export interface Seen {
  readonly ttftMs: number;
  /** Tokens after the first piece over the time between the first and the last piece. */
  readonly tokensPerSecond: number;
  readonly path: string;
}

const prompt = 'Count to one hundred.';
const params: GenerationParams = { maxTokens: 200, temperature: 0 };
let peer: Peer | undefined;
let loaded: LoadedModel | undefined;

/** A stopwatch over pieces of text. */
function watch() {
  const startedMs = performance.now();
  let firstMs = 0;
  let lastMs = 0;
  let tokensFirst = 0;
  let tokens = 0;
  return {
    piece(count: number) {
      lastMs = performance.now();
      if (tokens === 0) [firstMs, tokensFirst] = [lastMs, count];
      tokens += count;
    },
    seen: (path: string): Seen => ({
      ttftMs: firstMs - startedMs,
      tokensPerSecond: ((tokens - tokensFirst) * 1_000) / (lastMs - firstMs),
      path,
    }),
  };
}

const bench = {
  /** Joins the network. `relayed` never dials directly, so that every job goes through the relay's circuit. */
  async join(relay: string, path: 'direct' | 'relayed'): Promise<string> {
    const seed = systemRandom.bytes(32);
    const net = createLibp2pNet({
      seed,
      relays: () => [relay],
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      transports: 'tab',
      insecureDial: 'allow',
      tuning: path === 'relayed' ? { directTryTimeoutsMs: [] } : {},
    });
    peer = await createPeer({
      net,
      signer: createSigner(seed),
      storage: createMemoryStorage(),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      role: 'tab',
      discovery: 'client',
    });
    await peer.start();
    return peer.self;
  },
  async load(model: 'bundled' | number): Promise<string> {
    const bundled = model === 'bundled';
    const engine = createWorkerEngine({
      info: { name: bundled ? 'wllama' : 'scripted', build: '', deviceClass: 'bench' },
      clock: systemClock,
      spawn: () =>
        bundled
          ? new Worker(new URL('../../../workers/wllama.worker.ts', import.meta.url), { type: 'module' })
          : new Worker(new URL('../../../workers/scripted.worker.ts', import.meta.url), { type: 'module' }),
    });
    loaded = await engine.load(bundled ? demoModel : scriptedModel(model), {});
    return loaded.model.artefact;
  },
  offer(): void {
    peer!.provider.offerModel(loaded!);
  },
  /** The engine in this tab, without any network. */
  async alone(): Promise<Seen> {
    const timer = watch();
    const request = {
      kind: 'chat' as const,
      input: { messages: [{ role: 'user' as const, content: prompt }] },
      params,
    };
    for await (const event of loaded!.doStream(request, {})) {
      if (event.type === 'text-delta' && event.tokens > 0) timer.piece(event.tokens);
    }
    return timer.seen('alone');
  },
  knows: (worker: string): boolean => peer!.directory.get(worker) !== undefined,
  ping: (worker: string): Promise<number> => peer!.net.ping(worker),
  async ask(worker: string, artefact: string): Promise<Seen> {
    const timer = watch();
    let path = '';
    const request = {
      model: { artefact },
      kind: 'chat' as const,
      input: { messages: [{ role: 'user' as const, content: prompt }] },
      params,
      tier: 'open' as const,
      only: [worker],
    };
    for await (const event of peer!.consumer.ask(request)) {
      if (event.type === 'channel-opened') path = event.path;
      if (event.type === 'part-received' && event.part.type === 'text-delta') timer.piece(event.part.tokens);
      if (event.type === 'job-failed') throw new Error(`${event.error.code}: ${event.error.message}`);
    }
    return timer.seen(path);
  },
};

export type PeerBench = typeof bench;
Object.assign(globalThis, { bench });
