import { manualClock, runPending } from '#lib/base/clock.fixture.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createMemoryNetwork } from '#lib/net/memory.fixture.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { drawPlan, phases, type Action, type Name, type Plan } from './plan.ts';
import { createInvariants } from './invariants.ts';
import { answerTokens, createResidents, tokensPerSecond, type Doubles } from './residents.ts';

/** What one seed gave. */
export interface SeedReport {
  readonly seed: number;
  /** Moments at which every invariant was checked. */
  readonly steps: number;
  readonly jobs: Readonly<Record<'finished' | 'failed' | 'cancelled', number>>;
  /**
   * Jobs finished after everything was mended, those of them that honest workers finished, and their median time over what the
   * links and the engine take.
   */
  readonly calm: { readonly jobs: number; readonly honest: number; readonly slowdown: number };
  /** Answers that more than one worker had a part in. */
  readonly resumed: number;
  /** Everything that happened, one line each: the same for the same seed, byte for byte. */
  readonly trace: readonly string[];
  /** The first invariant that did not hold; nothing ran after it. */
  readonly failure?: Failure | undefined;
}

export interface Failure {
  readonly seed: number;
  readonly step: number;
  readonly atMs: number;
  readonly message: string;
}

export const describeFailure = ({ seed, step, atMs, message }: Failure): string =>
  `seed ${seed}, step ${step}, ${atMs.toFixed(1)} ms: ${message}\nreplay: npm run simulate -- --seed ${seed} --verbose`;

/** The handshake, the request and the last token there and back, and the tokens: about what a job takes in the mean. */
const quietMsOf = ({ latencyMs, jitterMs }: Plan['conditions']): number =>
  4 * latencyMs + 2 * jitterMs + answerTokens * (1_000 / tokensPerSecond);

/** More moments than any run needs: time has stopped moving. */
const stepsMax = 100_000;

/** Runs a plan, by default the one its seed draws, over whole peers in memory, checking after each moment something happened. */
export async function simulate(seed: number, plan: Plan = drawPlan(seed), doubles: Doubles = {}): Promise<SeedReport> {
  // Aborts and refusals are a run's daily bread, and their stack traces, which nobody reads, a tenth of its cost.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await run(seed, plan, doubles);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function run(seed: number, plan: Plan, doubles: Doubles): Promise<SeedReport> {
  const clock = manualClock();
  const network = createMemoryNetwork({ clock, random: seededRandom(seed) });
  network.setConditions(plan.conditions);
  const trace: string[] = [];
  const note = (line: string) => void trace.push(`${clock.elapsed().toFixed(3)} ${line}`);
  const peers = new Map<Name, Peer>();
  const honest = plan.workers.flatMap(({ character }, i): Name[] => (character === 'honest' ? [`worker${i}`] : []));
  const invariants = createInvariants({
    clock,
    network,
    peers,
    honest,
    quietMs: quietMsOf(plan.conditions),
    note,
  });
  const residents = createResidents({ plan, clock, network, doubles, onRun: invariants.onRun });
  invariants.name(new Map([...plan.skewMs.keys()].map((name) => [residents.idOf(name), name])));
  let lives = 0;
  let steps = 0;

  const join = async (who: Name) => {
    const worker = plan.workers[Number(who.slice('worker'.length))]!;
    if (worker.character === 'hostile') return residents.hostileWorker(who, worker.attack, worker.zone);
    peers.set(who, await residents.worker(who, `${who}/${++lives}`, worker.tokenDelayMs));
  };
  const perform = async (action: Action) => {
    const { atMs: _, ...deed } = action;
    note(JSON.stringify(deed));
    switch (action.type) {
      case 'ask':
        return invariants.ask(peers.get(action.asker)!, action);
      case 'cancel':
        return invariants.cancel(action.job);
      case 'join':
        return join(action.who);
      case 'crash':
        residents.crash(action.who);
        return void peers.delete(action.who);
      case 'leave':
        void peers.get(action.who)?.stop();
        return void peers.delete(action.who);
      case 'pause':
      case 'resume':
        return peers.get(action.who)?.provider[action.type]();
      case 'freeze':
      case 'thaw':
        return network[action.type](residents.idOf(action.who));
      case 'cut':
        return network.partition(residents.idOf(action.who), residents.idOf(action.other));
      case 'mend':
        return network.heal(residents.idOf(action.who), residents.idOf(action.other));
      case 'disconnect':
        return network.disconnect(residents.idOf(action.who), residents.idOf(action.other));
      case 'set-clock':
        return residents.setClock(action.who, action.byMs);
      case 'calm':
        return network.setConditions({ publishLoss: 0, openFailure: 0 });
    }
  };
  const check = () => {
    steps += 1;
    if (steps > stepsMax) invariants.fail('time does not move on');
    invariants.check(steps);
  };
  const passUntil = async (untilMs: number) => {
    while (!invariants.failure) {
      const leftMs = untilMs - clock.elapsed();
      const stepMs = Math.min(clock.nextDueMs, leftMs);
      if (leftMs <= 0 && clock.nextDueMs > 0) return;
      await clock.advance(stepMs);
      check();
    }
  };

  for (const [i, character] of plan.relays.entries()) {
    const relay = await residents.relay(`relay${i}`, character);
    if (relay) peers.set(`relay${i}`, relay);
  }
  for (let i = 0; i < plan.askers; i++) peers.set(`asker${i}`, await residents.asker(`asker${i}`, honest));
  for (const action of plan.actions) {
    await passUntil(action.atMs);
    if (invariants.failure) break;
    await perform(action);
    await runPending();
    check();
  }
  await passUntil(phases.endMs);
  if (!invariants.failure) invariants.checkEnd(steps);
  for (const name of peers.keys()) residents.crash(name);
  const { failure } = invariants;
  return { seed, steps, ...invariants.count(), trace, failure: failure && { seed, ...failure } };
}
