import type { ManualClock } from '#lib/base/clock.fixture.ts';
import type { Clock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { scriptedTokens } from '#lib/engine/scripted-text.ts';
import { createScriptedEngine, type ScriptedOptions } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { standingLimits } from '#lib/market/standing.ts';
import type { MemoryNetwork } from '#lib/net/memory.fixture.ts';
import type { Net } from '#lib/net/spec.ts';
import { createPeer, type Peer, type PeerComponents } from '#lib/peer/peer.ts';
import { createSigner, encodeEnvelope, type Signer } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import { decodeAskerFrame, jobProtocol } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signOffer } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { attacks, byzantineEngine, type Attack } from '../attackers.ts';
import { serveLies, type RelayCharacter } from './lying-relay.ts';
import type { Name, Plan } from './plan.ts';

export const slots = 2;
export const answerTokens = 30;
export const tokensPerSecond = 200;
export const model = scriptedModel(tokensPerSecond);

/** The one right answer to a prompt. */
export const truthOf = (prompt: string): readonly string[] =>
  scriptedTokens(prompt, 0, { answerTokens }).map(({ text }) => text);

/** Faulty parts in place of sound ones, to see that the simulator notices. */
export interface Doubles {
  readonly engine?: Partial<ScriptedOptions> | undefined;
  /** More than each worker takes for a token by its plan, and says. */
  readonly tokenDelayMs?: number | undefined;
  readonly model?: ((model: LoadedModel) => LoadedModel) | undefined;
  readonly peer?: ((peer: Peer) => Peer) | undefined;
}

/** One run of a resident's program: when its process dies, it neither writes nor waits nor draws any more. */
interface Process {
  readonly clock: Clock;
  readonly storage: KeyValue;
  die(): void;
}

/** Who takes part in a run: a key, a disk and a clock for each, which outlive the program that uses them. */
export interface Residents {
  idOf(name: Name): PeerId;
  setClock(name: Name, byMs: number): void;
  relay(name: Name, character: RelayCharacter): Promise<Peer | undefined>;
  asker(name: Name, known: readonly Name[]): Promise<Peer>;
  worker(name: Name, life: string, tokenDelayMs: number): Promise<Peer>;
  hostileWorker(name: Name, attack: keyof typeof attacks, zone: number): Promise<void>;
  /** Ends the process without a word. */
  crash(name: Name): void;
}

export interface ResidentsComponents {
  readonly plan: Plan;
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly doubles: Doubles;
  /** An engine of an honest worker begins or ends a run. */
  readonly onRun: (life: string, prompt: string, change: 'begins' | 'ends') => void;
}

const kinds = ['relay', 'worker', 'asker'];
const forever = () => new Promise<never>(() => undefined);

export function createResidents({ plan, clock, network, doubles, onRun }: ResidentsComponents): Residents {
  const disks = new Map<Name, KeyValue>();
  const processes = new Map<Name, Process>();
  const offsetsMs = new Map(plan.skewMs);
  const signers = new Map<Name, Signer>();

  const numberOf = (name: Name) =>
    kinds.findIndex((kind) => name.startsWith(kind)) * 50 + Number(/\d+$/.exec(name)) + 1;
  const keyOf = (name: Name) => new Uint8Array(32).fill(numberOf(name));
  const signerOf = (name: Name): Signer => {
    const signer = signers.get(name) ?? createSigner(keyOf(name));
    signers.set(name, signer);
    return signer;
  };
  const relays = plan.relays.map((_, i): Name => `relay${i}`);
  const relayIds = relays.map((name) => signerOf(name).peer);

  const launch = (name: Name): Process => {
    processes.get(name)?.die();
    const disk = disks.get(name) ?? createMemoryStorage();
    disks.set(name, disk);
    let isDead = false;
    const alive = <T>(act: () => Promise<T>) => (isDead ? forever() : act());
    const process: Process = {
      clock: {
        now: () => clock.now() + (offsetsMs.get(name) ?? 0),
        elapsed: clock.elapsed,
        delay: (ms, options) => alive(() => clock.delay(ms, options)),
        after: (ms, run) => (isDead ? () => undefined : clock.after(ms, run)),
      },
      storage: {
        get: (store, key) => alive(() => disk.get(store, key)),
        put: (store, key, value) => alive(() => disk.put(store, key, value)),
        delete: (store, key) => alive(() => disk.delete(store, key)),
        list: (store, options) => alive(() => disk.list(store, options)),
        batch: (writes) => alive(() => disk.batch(writes)),
        update: (reads, plan) => alive(() => disk.update(reads, plan)),
      },
      die: () => {
        isDead = true;
      },
    };
    processes.set(name, process);
    return process;
  };
  const createNet = (name: Name, addr: string): Net => {
    network.kill(signerOf(name).peer);
    return network.createNet({ seed: keyOf(name), addr });
  };
  const settle = async (name: Name, change: Partial<PeerComponents> = {}): Promise<Peer> => {
    const made = await createPeer({
      ...launch(name),
      net: createNet(name, `/ip4/10.0.${numberOf(name)}.1/tcp/1`),
      signer: signerOf(name),
      random: seededRandom(plan.seed * 1_000 + numberOf(name)),
      logger: silentLogger,
      role: 'tab',
      discovery: 'client',
      relays: () => relayIds,
      ...change,
    });
    const peer = doubles.peer?.(made) ?? made;
    await peer.start();
    return peer;
  };

  return {
    idOf: (name) => signerOf(name).peer,
    setClock: (name, byMs) => void offsetsMs.set(name, (offsetsMs.get(name) ?? 0) + byMs),
    async relay(name, character) {
      if (character === 'honest') return settle(name, { discovery: 'server', role: 'native' });
      const net = createNet(name, `/ip4/10.0.${numberOf(name)}.1/tcp/1`);
      serveLies(net, launch(name).clock, character);
      await net.start();
      return undefined;
    },
    async asker(name, known) {
      const peer = await settle(name);
      const seen = { tokens: answerTokens, spanMs: 230, ttftMs: 10, rttMs: 20 };
      for (const worker of known) {
        for (let i = 0; i < standingLimits.establishedAt + 10; i++) {
          peer.trackRecord.record(signerOf(worker).peer, model.artefact, { type: 'finished', seen });
        }
      }
      return peer;
    },
    async worker(name, life, tokenDelayMs) {
      const peer = await settle(name);
      const engine = createScriptedEngine({ clock, slots, answerTokens, tokensPerSecond, ...doubles.engine });
      const loaded = await engine.load(model, {});
      const delayMs = tokenDelayMs + (doubles.tokenDelayMs ?? 0);
      const watched: LoadedModel = {
        ...loaded,
        async *doStream(request, options) {
          const run = `${request.kind === 'completion' ? request.input.prompt : ''} from ${request.resume?.text.length ?? 0}`;
          onRun(life, run, 'begins');
          try {
            for await (const event of loaded.doStream(request, options)) {
              if (delayMs > 0) await clock.delay(delayMs, options);
              yield event;
            }
          } finally {
            onRun(life, run, 'ends');
          }
        },
      };
      // As a benchmark at the start would have it: one that offers no rate is thought slow, and never shows that it is not.
      const measured = { prefillTps: 1_000, decodeTps: 1_000 / (1_000 / tokensPerSecond + tokenDelayMs), ttftMs: 10 };
      peer.provider.offerModel(doubles.model?.(watched) ?? watched, { measured });
      return peer;
    },
    async hostileWorker(name, attack, zone) {
      const signer = signerOf(name);
      const process = launch(name);
      const net = createNet(name, `/ip4/10.1.${zone}.${numberOf(name)}/tcp/1`);
      let before = 0;
      net.handle(jobProtocol, async (channel) => {
        const opened = decodeAskerFrame((await channel[Symbol.asyncIterator]().next()).value!);
        if (opened.t !== 'open') return;
        const { job } = opened;
        const truth = truthOf(job.kind === 'completion' ? job.input.prompt : '');
        const act: Attack = attacks[attack];
        await act({ job, asker: channel.remote, signer, channel, clock: process.clock, before: before++, truth });
      });
      await net.start();
      void boast(net, signer, process.clock);
    },
    crash(name) {
      processes.get(name)?.die();
      network.kill(signerOf(name).peer);
    },
  };
}

/** Says at every heartbeat that it is faster and freer than anybody. */
async function boast(net: Net, signer: Signer, clock: Clock): Promise<void> {
  for (let seq = 1; ; seq++) {
    const { artefact, name } = model;
    const offer = signOffer(
      {
        peer: signer.peer,
        seq,
        issuedAt: Math.floor(clock.now()),
        ttlMs: limits.offerTtlMs,
        role: 'tab',
        draining: false,
        engine: byzantineEngine,
        models: [
          {
            artefact,
            name,
            kinds: ['completion'],
            features: [],
            contextTokens: 1e6,
            quantisation: 'none',
            price: { in: '0', out: '0' },
            slots: limits.slotsMax,
            running: 0,
            queued: 0,
            measured: { prefillTps: 1e9, decodeTps: 1e9, ttftMs: 0 },
          },
        ],
        tiers: ['open'],
        policy: [],
        addrs: [],
        build,
      },
      signer,
    );
    await net.publish(offersTopic, encodeEnvelope(offer));
    await clock.delay(limits.offerHeartbeatMs);
  }
}
