import { manualClock, type ManualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { scriptedTokens } from '#lib/engine/scripted-text.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { levelOf, standingLimits } from '#lib/market/standing.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import type { Net } from '#lib/net/spec.ts';
import { createConsumer } from '#lib/peer/ask/consume.ts';
import { createReceiptBook } from '#lib/peer/receipt-book.ts';
import { createProvider } from '#lib/peer/serve/provide.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { createTrackRecord, type TrackRecord } from '#lib/peer/track-record.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import { decodeAskerFrame, jobProtocol } from '#lib/protocol/frame.ts';
import { signOffer, type Offer, type OfferedModel } from '#lib/protocol/offer.ts';
import { build } from '#lib/protocol/version.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { byzantineEngine, type Attack } from './attackers.ts';

/**
 * One asker, honest workers and hostile ones, on one clock and one seed. The asker is connected to everybody, as a gateway
 * on a relay is, so that it knows their addresses. A hostile identity that has been found out is replaced by a new one.
 */
export interface Strangers {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly trackRecord: TrackRecord;
  readonly honest: ReadonlySet<string>;
  /** Hostile identities so far, those that were replaced included. */
  readonly identities: number;
  /** Hostile identities that do as `attacks` say, one after the other, in zones of their own. */
  invade(attacks: readonly Attack[], invasion: Invasion): Promise<void>;
  /** All hostile identities go. */
  leave(): void;
  /** So many jobs, a few at a time, or all at once. */
  ask(jobs: number, change?: Partial<AskRequest>, pace?: 'all at once'): Promise<AskReport>;
}

export interface Invasion {
  readonly identities: number;
  readonly zones: number;
  /** Each of them has passed its audition: the worst that can be, since a canary cannot be told from a job. */
  readonly auditions?: 'passed';
  /** In place of what an honest worker would offer. */
  readonly offer?: Partial<OfferedModel> & Partial<Pick<Offer, 'tiers'>>;
}

export interface AskReport {
  readonly jobs: number;
  /** Share of jobs that an honest worker finished. */
  readonly honestShare: number;
  readonly failed: readonly string[];
  /** From asking to the end, in milliseconds. */
  readonly medianMs: number;
  /** Attempts at hostile workers. */
  readonly hostileAttempts: number;
  /** Finished with another answer than the model's. */
  readonly wrong: number;
}

const answerTokens = 40;
const latencyMs = 5;
const model = scriptedModel(200);
const catalogue = new Map([[model.name, model.artefact]]);
/** What a hostile worker says of itself. */
const boast: OfferedModel = {
  artefact: model.artefact,
  name: model.name,
  kinds: ['completion'],
  features: [],
  contextTokens: 1e6,
  quantisation: 'none',
  price: { in: '0', out: '0' },
  slots: 1_024,
  running: 0,
  queued: 0,
  measured: { prefillTps: 1e9, decodeTps: 1e9, ttftMs: 0 },
};
const linkProtocol = '/simulation/link/1';

export async function createStrangers(
  seed: number,
  options: { readonly honest?: number; readonly standing?: 'none' } = {},
): Promise<Strangers> {
  const clock = manualClock();
  const random = seededRandom(seed);
  const network = createMemoryNetwork({ clock, random });
  network.setConditions({ latencyMs });
  const directory = createDirectory({ clock });
  const trackRecord = createTrackRecord({ clock });
  const honest = new Set<string>();
  const hostile = new Map<string, Hostile>();
  const announcing: (() => void)[] = [];
  let identities = 0;
  let seq = 0;
  let keys = 0;

  const join = async (addr: string) => {
    keys += 1;
    const key = new Uint8Array(32).fill(keys % 251).fill(keys >> 8, 0, 2);
    const signer = createSigner(key);
    const net = network.createNet({ seed: key, addr });
    await net.start();
    const storage = createMemoryStorage();
    return { net, signer, book: createReceiptBook({ storage, signer, clock, logger: silentLogger }) };
  };
  /** The connection that every worker keeps to a relay. */
  const link = async (net: Net) => {
    const opening = net.open(asker.net.self, linkProtocol);
    await clock.advance(4 * latencyMs);
    return opening;
  };
  const announce = (signer: Signer, change: Pick<Offer, 'models' | 'engine'> & Partial<Offer>) => {
    const offer: Offer = {
      peer: signer.peer,
      seq: ++seq,
      issuedAt: clock.now(),
      ttlMs: 120_000,
      role: 'tab',
      draining: false,
      tiers: ['open'],
      policy: [],
      addrs: [],
      build,
      ...change,
    };
    directory.consider(offer, signOffer(offer, signer));
  };

  const asker = await join('/ip4/198.51.100.1/tcp/1');
  asker.net.handle(
    linkProtocol,
    (channel) => new Promise((resolve) => channel.closed.addEventListener('abort', () => resolve())),
  );
  const consumer = createConsumer({ ...asker, catalogue, directory, clock, random, trackRecord, logger: silentLogger });

  const settleHonest = async (number: number) => {
    const { net, signer, book } = await join(`/ip4/10.0.${number}.1/tcp/1`);
    const engine = createScriptedEngine({ clock, slots: 2, answerTokens, tokensPerSecond: 200 });
    const provider = createProvider({ net, book, clock, logger: silentLogger });
    await provider.start();
    provider.offerModel(await engine.load(model, {}), { measured: { prefillTps: 900, decodeTps: 200, ttftMs: 5 } });
    await link(net);
    const say = () => announce(signer, provider.servedModels('network')!);
    provider.onState(say);
    say();
    announcing.push(say);
    honest.add(net.self);
    if (options.standing === 'none') return;
    const seen = { tokens: answerTokens, spanMs: 230, ttftMs: 10, rttMs: 20 };
    for (let i = 0; i < standingLimits.establishedAt + 10; i++) {
      trackRecord.record(net.self, model.artefact, { type: 'finished', seen });
    }
  };

  const settleHostile = async (attack: Attack, zone: number, invasion: Invasion) => {
    identities += 1;
    const { net, signer } = await join(`/ip4/10.1.${zone}.${identities % 250}/tcp/1`);
    let before = 0;
    net.handle(jobProtocol, async (channel) => {
      const opened = decodeAskerFrame((await channel[Symbol.asyncIterator]().next()).value!);
      if (opened.t !== 'open') return;
      const { job } = opened;
      const truth = truthOf(job.kind === 'completion' ? job.input.prompt : '');
      await attack({ job, asker: channel.remote, signer, channel, clock, before: before++, truth });
    });
    const channel = await link(net);
    const { tiers = ['open'], ...change } = invasion.offer ?? {};
    for (let i = 0; invasion.auditions === 'passed' && i < standingLimits.canariesToPass; i++) {
      trackRecord.recordCanary(net.self, model.artefact, 'passed');
    }
    const models = [{ ...boast, ...change }];
    const say = () => announce(signer, { engine: byzantineEngine, models, tiers });
    say();
    hostile.set(net.self, {
      attack,
      zone,
      invasion,
      announce: say,
      leave: () => {
        channel.abort(new Error('left'));
        directory.remove(net.self);
        network.kill(net.self);
      },
    });
  };

  /** Who has been found out comes back under a new key, from the same place. */
  const replace = async () => {
    for (const [peer, { attack, zone, invasion, leave }] of hostile) {
      const standing = trackRecord.standing(peer, model.artefact);
      const level = levelOf(standing, clock.now());
      if (level !== 'distrusted' && level !== 'forked') continue;
      hostile.delete(peer);
      leave();
      await settleHostile(attack, zone, invasion);
    }
  };

  for (let number = 0; number < (options.honest ?? 5); number++) await settleHonest(number);

  const follow = (request: AskRequest): Followed => {
    const job: Followed = {
      state: initialJob,
      over: false,
      prompt: request.kind === 'completion' ? request.input.prompt : '',
    };
    const run = async () => {
      for await (const event of consumer.ask(request)) job.state = reduceJob(job.state, event);
      job.over = true;
    };
    void run();
    return job;
  };
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 5) await clock.advance(5);
  };

  let asked = 0;
  let announcedAt = clock.elapsed();
  return {
    clock,
    random,
    trackRecord,
    honest,
    get identities() {
      return identities;
    },
    async invade(attacks, invasion) {
      const { identities: count, zones } = invasion;
      for (let i = 0; i < count; i++) await settleHostile(attacks[i % attacks.length]!, i % zones, invasion);
    },
    leave() {
      for (const { leave } of hostile.values()) leave();
      hostile.clear();
    },
    async ask(jobs, change = {}, pace) {
      const followed: Followed[] = [];
      for (let i = 0; i < jobs; i++) {
        const request = {
          model: { artefact: model.artefact },
          kind: 'completion',
          input: { prompt: `question ${++asked}` },
          params: { maxTokens: 64, temperature: 0 },
          tier: 'open',
          deadlineMs: 60_000,
          ...change,
        } as AskRequest;
        followed.push(follow(request));
        if (pace === 'all at once') continue;
        await pass(50 + Math.floor(random.float() * 30) * 5);
        await replace();
        if (clock.elapsed() - announcedAt < 30_000) continue;
        announcedAt = clock.elapsed();
        for (const say of announcing) say();
        for (const one of hostile.values()) one.announce();
      }
      for (let waits = 0; waits < 800 && followed.some(({ over }) => !over); waits++) await pass(100);
      return reportOf(followed, honest);
    },
  };
}

interface Hostile {
  readonly attack: Attack;
  readonly zone: number;
  readonly invasion: Invasion;
  readonly announce: () => void;
  readonly leave: () => void;
}

interface Followed {
  state: JobState;
  over: boolean;
  readonly prompt: string;
}

const truthOf = (prompt: string): readonly string[] =>
  scriptedTokens(prompt, 0, { answerTokens }).map(({ text }) => text);

function reportOf(jobs: readonly Followed[], honest: ReadonlySet<string>): AskReport {
  const finished = jobs.filter(({ state }) => state.phase === 'finished');
  const times = finished.map(({ state }) => state.endedAt! - state.startedAt!).sort((a, b) => a - b);
  return {
    jobs: jobs.length,
    honestShare: finished.filter(({ state }) => honest.has(state.worker!.peer)).length / jobs.length,
    failed: jobs.flatMap(({ state }) => (state.phase === 'finished' ? [] : [`${state.phase} ${state.error?.code}`])),
    medianMs: times[Math.floor(times.length / 2)] ?? Number.POSITIVE_INFINITY,
    hostileAttempts: jobs.flatMap(({ state }) => state.attempts).filter(({ worker }) => !honest.has(worker.peer))
      .length,
    wrong: finished.filter(({ state, prompt }) => state.text !== truthOf(prompt).join('')).length,
  };
}
