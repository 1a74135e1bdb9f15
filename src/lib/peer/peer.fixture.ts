import { manualClock, type ManualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine, type ScriptedOptions } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { createDirectory } from '#lib/market/directory.ts';
import type { Directory } from '#lib/market/spec.ts';
import { createMemoryNetwork, type MemoryNetwork } from '#lib/net/memory.fixture.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import {
  decodeAskerFrame,
  encodeAskerFrame,
  encodeWorkerFrame,
  jobProtocol,
  type AskerFrame,
  type UnknownFrame,
  type WorkerFrame,
} from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { signOffer, type Offer } from '#lib/protocol/offer.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import type { Price } from '#lib/protocol/price.ts';
import { build } from '#lib/protocol/version.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createConsumer, type ConsumerComponents } from './ask/consume.ts';
import { initialJob, reduceJob, type JobState } from './session/job-state.ts';
import { messagesOf, readWorkerFrame } from './session/frames.ts';
import { createProvider, type ProviderComponents } from './serve/provide.ts';
import { createReceiptBook, type ReceiptBook } from './receipt-book.ts';
import type { AskRequest, Consumer, JobEvent, Provider } from './spec.ts';
import { createTrackRecord, type TrackRecord } from './track-record.ts';

/** A small world on one clock: nets in memory, scripted engines, one directory that all of them read. */
export interface World {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly directory: Directory;
  worker(seed: number, options?: WorkerOptions): Promise<Worker>;
  asker(
    seed: number,
    options?: Pick<ConsumerComponents, 'purse' | 'paidWork' | 'tierCheck' | 'onCanary' | 'onReleased' | 'payCanary'>,
  ): Promise<Asker>;
  /** A worker that follows the test's script instead of the protocol, offered as fast and, without a payout, as free. */
  byzantineWorker(seed: number, script: Script, payout?: Payout): Promise<Resident>;
}

/** What a byzantine worker does with a job; the channel stays open until the promise settles. */
export type Script = (stage: Stage) => Promise<void>;

export interface Stage {
  readonly job: Job;
  readonly asker: string;
  /** The worker's own, to sign receipts with. */
  readonly book: ReceiptBook;
  readonly channel: Channel;
  send(frame: WorkerFrame): Promise<void>;
  /** Waits for ever: a worker that hangs. */
  hang(): Promise<never>;
}

export interface WorkerOptions extends Partial<Omit<ScriptedOptions, 'clock'>> {
  /** Per million units; free by default. */
  readonly price?: Price;
  readonly provider?: Partial<ProviderComponents>;
  /** In place of the scripted model. */
  readonly model?: LoadedModel;
}

export interface Resident {
  readonly net: Net;
  readonly signer: Signer;
  readonly storage: KeyValue;
  readonly book: ReceiptBook;
}

export interface Worker extends Resident {
  readonly provider: Provider;
  readonly model: LoadedModel;
  /** Puts what it serves now into the directory. */
  announce(change?: Partial<Offer>): void;
}

export interface Asker extends Resident {
  readonly consumer: Consumer;
  readonly trackRecord: TrackRecord;
}

export const demo = scriptedModel(100);

export const chat = (content: string, change: Partial<AskRequest> = {}): AskRequest =>
  ({
    model: { artefact: demo.artefact },
    kind: 'chat',
    input: { messages: [{ role: 'user', content }] },
    params: { maxTokens: 64, temperature: 0 },
    tier: 'open',
    ...change,
  }) as AskRequest;

/** Per million units: one for each token of input, two for each of output. */
export const paidPrice = { in: '1000000', out: '2000000' } as const;

export function createWorld(seed = 1): World {
  const clock = manualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({ clock, random });
  const directory = createDirectory({ clock });
  let seq = 0;

  const resident = async (peerSeed: number): Promise<Resident> => {
    const key = new Uint8Array(32).fill(peerSeed);
    const signer = createSigner(key);
    const net = network.createNet({ seed: key });
    await net.start();
    const storage = createMemoryStorage();
    return { net, signer, storage, book: createReceiptBook({ storage, signer, clock, logger: silentLogger }) };
  };

  return {
    clock,
    network,
    directory,
    async worker(peerSeed, { provider: components, model: given, price, ...scripted } = {}) {
      const here = await resident(peerSeed);
      const model = given ?? (await createScriptedEngine({ clock, ...scripted }).load(demo, {}));
      const provider = createProvider({ ...here, clock, logger: silentLogger, ...components });
      await provider.start();
      provider.offerModel(model, { price });
      const announce = (change: Partial<Offer> = {}) => {
        const served = provider.servedModels('network');
        if (!served) return;
        const offer: Offer = {
          peer: here.net.self,
          seq: ++seq,
          issuedAt: clock.now(),
          ttlMs: 45_000,
          role: 'tab',
          tiers: ['open'],
          policy: [],
          addrs: [...here.net.addresses()],
          build,
          ...served,
          ...change,
        };
        directory.consider(offer, signOffer(offer, here.signer));
      };
      announce();
      return { ...here, provider, model, announce };
    },
    async byzantineWorker(peerSeed, script, payout) {
      const here = await resident(peerSeed);
      here.net.handle(jobProtocol, async (channel) => {
        const frames = channel[Symbol.asyncIterator]();
        const opened = decodeAskerFrame((await frames.next()).value!);
        if (opened.t !== 'open') throw new Error('no open');
        await script({
          job: opened.job,
          asker: channel.remote,
          book: here.book,
          channel,
          send: (frame) => channel.send(encodeWorkerFrame(frame)),
          hang: () => new Promise<never>(() => undefined),
        });
      });
      const offer: Offer = {
        peer: here.net.self,
        seq: ++seq,
        issuedAt: clock.now(),
        ttlMs: 120_000,
        role: 'tab',
        draining: false,
        engine: { name: 'byzantine', build: '1', deviceClass: 'test' },
        models: [
          {
            artefact: demo.artefact,
            name: demo.name,
            kinds: ['chat'],
            features: [],
            contextTokens: 100_000,
            quantisation: 'none',
            price: payout ? paidPrice : { in: '0', out: '0' },
            slots: 4,
            running: 0,
            queued: 0,
            measured: { decodeTps: 900, prefillTps: 900, ttftMs: 1 },
          },
        ],
        tiers: ['open'],
        policy: [],
        addrs: [],
        build,
        ...(payout ? { payout } : {}),
      };
      directory.consider(offer, signOffer(offer, here.signer));
      return here;
    },
    async asker(peerSeed, options = {}) {
      const here = await resident(peerSeed);
      const trackRecord = createTrackRecord({ clock });
      const consumer = createConsumer({
        ...here,
        directory,
        clock,
        random,
        trackRecord,
        ...options,
        logger: silentLogger,
      });
      return { ...here, consumer, trackRecord };
    },
  };
}

/** Runs a job on a clock that stands still: `state` is what has happened so far. */
export interface Followed {
  readonly state: JobState;
  readonly events: readonly JobEvent[];
  readonly over: boolean;
  readonly cancel: () => void;
}

export function follow(consumer: Consumer, request: AskRequest): Followed {
  const stop = new AbortController();
  const followed = { state: initialJob, events: [] as JobEvent[], over: false, cancel: () => stop.abort() };
  const run = async () => {
    for await (const event of consumer.ask(request, { signal: stop.signal })) {
      followed.events.push(event);
      followed.state = reduceJob(followed.state, event);
    }
    followed.over = true;
  };
  void run();
  return followed;
}

/** Moves time in small steps until `done`. @throws when it is not so within `limitMs`. */
export async function until(clock: ManualClock, done: () => boolean, limitMs = 30_000): Promise<void> {
  for (let ms = 0; ms < limitMs && !done(); ms += 5) await clock.advance(5);
  if (!done()) throw new Error(`not so within ${limitMs} ms`);
}

export const pass = (clock: ManualClock, ms: number): Promise<void> => clock.advance(ms);

/** An asker or a worker without manners: says what the test says. */
export interface RawAsker {
  readonly frames: readonly (WorkerFrame | UnknownFrame)[];
  /** How the worker's side ended. */
  readonly ended: 'open' | 'closed' | 'lost';
  send(frame: AskerFrame): Promise<void>;
  sendBytes(bytes: Uint8Array): Promise<void>;
  /** From now on nothing more is taken from the channel. */
  stopReading(): void;
  close(): Promise<void>;
  abort(): void;
}

export async function openRaw(net: Net, worker: string): Promise<RawAsker> {
  const channel = await net.open(worker, jobProtocol);
  const raw = { frames: [] as (WorkerFrame | UnknownFrame)[], ended: 'open' as RawAsker['ended'] };
  const reading = new AbortController();
  const read = async () => {
    const incoming = messagesOf(channel)[Symbol.asyncIterator]();
    try {
      while (!reading.signal.aborted) {
        const next = await incoming.next();
        if (next.done) return void (raw.ended = 'closed');
        raw.frames.push(readWorkerFrame(next.value));
      }
    } catch {
      raw.ended = 'lost';
    }
  };
  void read();
  return Object.assign(raw, {
    send: (frame: AskerFrame) => channel.send(encodeAskerFrame(frame)),
    sendBytes: (bytes: Uint8Array) => channel.send(bytes),
    stopReading: () => reading.abort(),
    close: () => channel.close(),
    abort: () => channel.abort(new Error('gone')),
  });
}

let jobs = 0;

export const job = (change: Partial<Job> = {}): Job =>
  ({
    id: (++jobs).toString(16).padStart(32, '0'),
    artefact: demo.artefact,
    model: demo.name,
    kind: 'chat',
    input: { messages: [{ role: 'user', content: 'hello' }] },
    params: { maxTokens: 256, temperature: 0 },
    tier: 'open',
    deadlineMs: 60_000,
    salt: '0'.repeat(32),
    ...change,
  }) as Job;

/** The text that the parts make together. */
export const textOf = (frames: readonly (WorkerFrame | UnknownFrame)[]): string =>
  frames.map((frame) => (frame.t === 'part' && frame.part.type === 'text-delta' ? frame.part.text : '')).join('');
