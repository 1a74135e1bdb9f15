import { raceSignal } from '#lib/base/abort.ts';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { chat, createWorld, demo, follow, until, type Followed, type World } from '#lib/peer/peer.fixture.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { checkJob, emptyReport, noteKill, type Report, type WholeAnswer } from './report.ts';

/** Ways in which a worker goes, and the longest until another one has said the next token, in milliseconds. */
const kinds = {
  /** Its process ends, its tab is closed. */
  killed: 1_000,
  /** Its device sleeps: nothing comes, and nothing says so. */
  frozen: 7_000,
  /** The way between the two is cut, and nothing says so. */
  cut: 7_000,
  /** It says that it is alive and gives nothing. */
  stalled: 7_000,
  /** Its engine fails, and it says so. */
  failed: 1_000,
} as const;
type Kind = keyof typeof kinds;
/** A worker that is alive and has not begun is waited for as long as a prompt may take. */
const firstWordMs = 21_000;

const answerTokens = 150;
const schema =
  '{"type":"object","properties":{"name":{"type":"string","maxLength":40},"tags":{"type":"array","items":{"enum":["red","green","blue"]},"minItems":9,"maxItems":12}},"required":["name","tags"],"additionalProperties":false}';
const tool = { name: 'get_weather', parameters: schema };
const messages = (content: string) => [{ role: 'user' as const, content }];

/** Every way in which an answer's tokens and its text can come apart. */
const requests: readonly AskRequest[] = [
  chat('greedy', { params: { maxTokens: 140, temperature: 0 } }),
  chat('to its own end', { params: { maxTokens: 400, temperature: 0 } }),
  chat('warm', { params: { maxTokens: 400, temperature: 1.5, seed: 11 } }),
  chat('until a stop', { params: { maxTokens: 400, temperature: 0, stop: [' cloth each loom', ' the to'] } }),
  chat('as JSON', { params: { maxTokens: 400, temperature: 0, responseFormat: { type: 'json-schema', schema } } }),
  chat('a call', {
    input: { messages: messages('a call'), tools: [tool] },
    params: { maxTokens: 400, temperature: 0, toolChoice: { type: 'required' } },
  }),
  chat('text', { kind: 'completion', input: { prompt: 'raw' }, params: { maxTokens: 140 } } as Partial<AskRequest>),
];

interface Hand {
  stalled: boolean;
  failing: boolean;
}

/** A model that hangs, or fails, from the moment the test says so. */
async function handedModel(world: World, hand: Hand): Promise<LoadedModel> {
  const model = await createScriptedEngine({ clock: world.clock, answerTokens }).load(demo, {});
  return {
    ...model,
    async *doStream(request, options) {
      for await (const event of model.doStream(request, options)) {
        if (hand.failing) throw new Error('the engine has failed');
        if (hand.stalled) await raceSignal(new Promise<never>(() => undefined), options.signal!);
        yield event;
      }
    },
  };
}

interface Town {
  readonly world: World;
  readonly hands: ReadonlyMap<string, Hand>;
  readonly ask: (request: AskRequest) => Followed;
  readonly self: string;
}

async function createTown(seed: number): Promise<Town> {
  const world = createWorld(seed);
  const hands = new Map<string, Hand>();
  for (let number = 1; number <= 5; number++) {
    const hand = { stalled: false, failing: false };
    const model = await handedModel(world, hand);
    const { net, provider, announce } = await world.worker(number, { model });
    provider.offerModel(model, { measured: { decodeTps: 100, prefillTps: 1_000, ttftMs: 10 } });
    announce();
    hands.set(net.self, hand);
  }
  const asker = await world.asker(9);
  return { world, hands, ask: (request) => follow(asker.consumer, request), self: asker.net.self };
}

async function undisturbed(request: AskRequest): Promise<WholeAnswer> {
  const { world, ask } = await createTown(1);
  const job = ask(request);
  await until(world.clock, () => job.over);
  const { output, usage, reason } = job.state;
  if (!usage || !reason) throw new Error(`the undisturbed answer failed: ${job.state.error?.code}`);
  return { output, usage, reason };
}

function kill({ world, hands, self }: Town, kind: Kind, peer: string): void {
  if (kind === 'killed') world.network.kill(peer);
  else if (kind === 'frozen') world.network.freeze(peer);
  else if (kind === 'cut') world.network.partition(self, peer);
  else if (kind === 'stalled') hands.get(peer)!.stalled = true;
  else hands.get(peer)!.failing = true;
}

const pickOf = <T>(all: readonly T[], random: Random): T => all[Math.floor(random.float() * all.length)]!;

/** Kills workers at any token of answers of every sort, over whole peers in memory on one clock. The same seed does the same. */
export async function resumeInMemory({
  kills,
  seed = 1,
}: {
  readonly kills: number;
  readonly seed?: number;
}): Promise<Report> {
  const random = seededRandom(seed);
  const report = emptyReport();
  const wholes = new Map<AskRequest, WholeAnswer>();
  for (const request of requests) wholes.set(request, await undisturbed(request));
  for (let round = 0; report.kills < kills; round++) {
    const request = requests[round % requests.length]!;
    const whole = wholes.get(request)!;
    const town = await createTown(seed * 100_000 + round);
    const job = town.ask(request);
    const cuts = Array.from({ length: Math.min(1 + Math.floor(random.float() * 3), kills - report.kills) }, () =>
      Math.floor(random.float() * whole.output.tokens),
    ).toSorted((a, b) => a - b);
    const where = `round ${round} of seed ${seed}, cut after ${cuts.join(', ')}`;
    for (const cut of cuts) {
      await until(town.world.clock, () => job.over || (job.state.tokens >= cut && job.state.worker !== undefined));
      if (job.over) break;
      const kind = pickOf(Object.keys(kinds) as Kind[], random);
      const { tokens } = job.state;
      const { peer } = job.state.worker!;
      kill(town, kind, peer);
      const killedAt = town.world.clock.now();
      await until(town.world.clock, () => job.over || job.state.tokens > tokens);
      const gapMs = town.world.clock.now() - killedAt;
      const { fromToken } = job.state.attempts.findLast(({ worker }) => worker.peer === peer)!;
      const allowedMs = kind === 'stalled' && tokens === fromToken ? firstWordMs : kinds[kind];
      noteKill(report, { where, kind, gapMs, allowedMs });
    }
    await until(town.world.clock, () => job.over);
    checkJob(report, where, job.state, whole);
  }
  return report;
}
