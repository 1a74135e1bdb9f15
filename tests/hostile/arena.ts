import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { levelOf, standingLimits } from '#lib/market/standing.ts';
import { createLibp2pNet } from '#lib/net/libp2p/net.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createRelayNode } from '../../relay/node/relay.ts';
import type { AttackName } from './attacks.ts';

/**
 * A relay that asks, as its gateway does, and honest workers with standing, over real sockets on loopback. Hostile peers come
 * in a process of their own, from addresses of their own: zones are 127.x.y.
 */
export interface Arena {
  readonly honest: ReadonlySet<string>;
  readonly auditions: ArenaOptions['auditions'];
  /** Resolves when the relay lists all of them. */
  invade(invasion: Invasion): Promise<Invaders>;
  ask(jobs: number): Promise<Figures>;
  stop(): Promise<void>;
}

export interface Invasion {
  /** One after the other, as many identities as there are. */
  readonly attacks: readonly AttackName[];
  readonly identities: number;
  readonly zones: number;
  /** The second byte of their addresses: who was here before is known by its address. */
  readonly network: number;
  /** Each of them has passed its audition: the worst that can be, since a canary cannot be told from a job. */
  readonly auditions?: 'passed' | undefined;
}

export interface Invaders {
  /** Identities so far, those that took the place of one that was found out included. */
  readonly identities: number;
  leave(): Promise<void>;
}

export interface Figures {
  readonly jobs: number;
  readonly honestShare: number;
  readonly failed: readonly string[];
  readonly medianMs: number;
  readonly hostileAttempts: number;
}

const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
const model = scriptedModel(400);
const answerTokens = 20;
const jobsAtOnce = 3;
const honestMax = 5;

export interface ArenaOptions {
  /** Honest workers are strangers too. */
  readonly standing?: 'none';
  /** Every hostile peer has passed its audition: the worst that can be, since a canary cannot be told from a job. */
  readonly auditions?: 'passed' | undefined;
}

export async function createArena(options: ArenaOptions = {}): Promise<Arena> {
  const join = (net: Peer['net'], seed: Uint8Array, discovery: 'server' | 'client') =>
    createPeer({
      ...parts,
      net,
      signer: createSigner(seed),
      storage: createMemoryStorage(),
      role: 'native',
      discovery,
    });

  const relaySeed = systemRandom.bytes(32);
  const relayNet = createRelayNode({ ...parts, seed: relaySeed, listenPort: 0 });
  const asker = await join(relayNet, relaySeed, 'server');
  await asker.start();
  const { host, port } = relayNet.listening()!;
  const address = `/ip4/${host}/tcp/${port}/ws/p2p/${relayNet.self}`;

  const workers: Peer[] = [];
  for (let i = 0; i < honestMax; i++) {
    const seed = systemRandom.bytes(32);
    const net = createLibp2pNet({ ...parts, seed, transports: 'node', insecureDial: 'allow', relays: () => [address] });
    const worker = await join(net, seed, 'client');
    const engine = createScriptedEngine({ clock: systemClock, slots: 4, answerTokens });
    worker.provider.offerModel(await engine.load(model, {}));
    await worker.start();
    workers.push(worker);
    if (options.standing === 'none') continue;
    const seen = { tokens: 40, spanMs: 1_000, ttftMs: 10, rttMs: 5 };
    for (let receipts = 0; receipts < standingLimits.establishedAt + 10; receipts++) {
      asker.trackRecord.record(worker.self, model.artefact, { type: 'finished', seen });
    }
  }
  const honest = new Set(workers.map(({ self }) => self));
  const lists = async (peers: Iterable<string>) => {
    for (const peer of peers) {
      for (let tries = 0; !asker.directory.get(peer); tries++) {
        if (tries > 1_500) throw new Error(`${peer} is not listed`);
        await systemClock.delay(20);
      }
    }
  };
  await lists(honest);

  return {
    honest,
    auditions: options.auditions,
    async invade({ attacks, identities: count, zones, network, auditions }) {
      let identities = count;
      let settled = 0;
      const at = (number: number) => ({
        attack: attacks[number % attacks.length]!,
        from: `127.${network}.${number % zones}.${1 + (number % 250)}`,
      });
      const wanted = Array.from({ length: count }, (_, number) => at(number));
      const child = fork(
        fileURLToPath(new URL('peers.process.ts', import.meta.url)),
        [address, model.artefact, model.name, JSON.stringify(wanted)],
        { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
      );
      const hostile = new Map<string, number>();
      const ready = Promise.withResolvers<void>();
      child.on('message', ({ peers }: { readonly peers: readonly string[] }) => {
        for (const peer of peers) {
          hostile.set(peer, settled);
          settled += 1;
          for (let passed = 0; auditions === 'passed' && passed < standingLimits.canariesToPass; passed++) {
            asker.trackRecord.recordCanary(peer, model.artefact, 'passed');
          }
        }
        ready.resolve();
      });
      child.once('exit', (code) => ready.reject(new Error(`the hostile peers left with ${code}`)));
      await ready.promise;
      await lists(hostile.keys());
      const { connections } = asker.net.status();
      const isElsewhere = ({ peer, addr }: (typeof connections)[number]) =>
        hostile.has(peer) && !addr?.startsWith(`/ip4/127.${network}.`);
      if (connections.some(isElsewhere))
        throw new Error('hostile peers do not come from the addresses they were given');
      /** Each that has been found out comes back under a new key, from the same address. */
      const replacing = setInterval(() => {
        for (const [peer, number] of hostile) {
          const level = levelOf(asker.trackRecord.standing(peer, model.artefact), systemClock.now());
          if (level !== 'distrusted' && level !== 'forked') continue;
          hostile.delete(peer);
          identities += 1;
          child.send({ replace: at(number) });
        }
      }, 250);
      return {
        get identities() {
          return identities;
        },
        async leave() {
          clearInterval(replacing);
          const gone = new Promise((resolve) => child.once('exit', resolve));
          child.kill('SIGKILL');
          await gone;
        },
      };
    },
    async ask(jobs) {
      const states: JobState[] = [];
      let next = 0;
      const line = async () => {
        while (next < jobs) {
          next += 1;
          states.push(await run(asker, next));
        }
      };
      await Promise.all(Array.from({ length: jobsAtOnce }, line));
      return figuresOf(states, honest);
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await asker.stop();
    },
  };
}

async function run(asker: Peer, number: number): Promise<JobState> {
  const request = {
    model: { artefact: model.artefact },
    kind: 'chat',
    input: { messages: [{ role: 'user', content: `question ${number}` }] },
    params: { maxTokens: 64, temperature: 0 },
    tier: 'open',
    deadlineMs: 60_000,
  } as AskRequest;
  let state = initialJob;
  for await (const event of asker.consumer.ask(request)) state = reduceJob(state, event);
  return state;
}

function figuresOf(states: readonly JobState[], honest: ReadonlySet<string>): Figures {
  const finished = states.filter(({ phase }) => phase === 'finished');
  const times = finished.map(({ endedAt, startedAt }) => endedAt! - startedAt!).sort((a, b) => a - b);
  return {
    jobs: states.length,
    honestShare: finished.filter(({ worker }) => honest.has(worker!.peer)).length / states.length,
    failed: states.flatMap(({ phase, error }) => (phase === 'finished' ? [] : [`${phase} ${error?.code}`])),
    medianMs: times[Math.floor(times.length / 2)] ?? Number.POSITIVE_INFINITY,
    hostileAttempts: states.flatMap(({ attempts }) => attempts).filter(({ worker }) => !honest.has(worker.peer)).length,
  };
}
