import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRelay, type RelayProcess } from '../fixtures/relay-process.ts';

/** Floods of one address against a relay in a process of its own, while others of another address ask its gateway. */
export type FloodKind = 'frames' | 'offers' | 'openings' | 'sockets' | 'connections';

/** What the flooding process is told. */
export interface FloodOrder {
  readonly kind: FloodKind;
  readonly count: number;
  /** The address to come from. */
  readonly from: string;
}

/** What the flood got through, and what was refused. */
export interface FloodOutcome {
  readonly sent: number;
  readonly refused: number;
}

export interface FloodRound extends FloodOutcome {
  readonly kind: FloodKind;
  readonly count: number;
  readonly jobs: number;
  readonly jobsFailed: number;
  /** The relay's heap after a collection: before the flood and after each time. */
  readonly heapMiB: readonly number[];
  /** The most models that the gateway has listed meanwhile. */
  readonly models: number;
}

export const floodGoals = { honestShareMin: 0.95, growthMiB: 24, modelsMax: 65 } as const;

/** As many as the goals name. */
export const wholeFloods: Readonly<Record<FloodKind, number>> = {
  frames: 10_000,
  offers: 10_000,
  openings: 10_000,
  sockets: 500,
  connections: 2_000,
};

const heapReporter = new URL('report-heap.ts', import.meta.url).href;
const flooderProgram = new URL('flood.process.ts', import.meta.url);
/** Between the jobs of an honest asker: the machine is shared with the flood. */
const askPauseMs = 50;

/** Plays each flood as often as `times` against one relay: what it may fill is full after the first, and a leak goes on. */
export async function playFloods(
  counts: Readonly<Record<FloodKind, number>>,
  { times, report = () => undefined }: { readonly times: number; readonly report?: (round: FloodRound) => void },
): Promise<readonly FloodRound[]> {
  const relay = await startRelay({ native: 'with-native', env: { NODE_OPTIONS: `--import=${heapReporter}` } });
  const rounds: FloodRound[] = [];
  const flooder = fork(flooderProgram, [relay.url]);
  try {
    for (let i = 0; i < 20; i++) await ask(relay);
    for (const [kind, count] of Object.entries(counts) as [FloodKind, number][]) {
      const round = await playFlood(relay, flooder, { kind, count, times });
      rounds.push(round);
      report(round);
    }
  } finally {
    flooder.kill();
    await relay.dispose();
  }
  return rounds;
}

async function flood(flooder: ChildProcess, order: FloodOrder): Promise<FloodOutcome> {
  const failed = new AbortController();
  const onExit = (code: number | null) => failed.abort(new Error(`the flooding process has ended with ${code}`));
  flooder.once('exit', onExit);
  try {
    flooder.send(order);
    const [outcome] = (await once(flooder, 'message', { signal: failed.signal })) as [FloodOutcome];
    return outcome;
  } finally {
    flooder.off('exit', onExit);
  }
}

interface Playing {
  readonly kind: FloodKind;
  readonly count: number;
  readonly times: number;
}

async function playFlood(
  relay: RelayProcess,
  flooder: ChildProcess,
  { kind, count, times }: Playing,
): Promise<FloodRound> {
  const heapMiB = [await heapOf(relay)];
  const outcome = { sent: 0, refused: 0 };
  let [jobs, jobsFailed, models, isOver] = [0, 0, 0, false];
  const asking = async () => {
    while (!isOver) {
      jobs += 1;
      if (!(await ask(relay))) jobsFailed += 1;
      models = Math.max(models, await modelsListed(relay));
      await sleep(askPauseMs);
    }
  };
  const askers = [asking(), asking()];
  for (let time = 0; time < times; time++) {
    const { sent, refused } = await flood(flooder, { kind, count, from: `127.9.${time}.1` });
    outcome.sent += sent;
    outcome.refused += refused;
    heapMiB.push(await heapOf(relay));
  }
  isOver = true;
  await Promise.all(askers);
  return { kind, count: count * times, ...outcome, jobs, jobsFailed, heapMiB, models };
}

/** Sentences about what does not hold; none where all does. */
export function floodBreaches({ kind, jobs, jobsFailed, heapMiB, models }: FloodRound): readonly string[] {
  const breaches: string[] = [];
  const share = (jobs - jobsFailed) / jobs;
  const growth = heapMiB.at(-1)! - heapMiB.at(-2)!;
  if (share < floodGoals.honestShareMin)
    breaches.push(`${kind}: ${(share * 100).toFixed(1)} % of ${jobs} jobs answered`);
  if (growth > floodGoals.growthMiB) breaches.push(`${kind}: memory grows (${heapMiB.join(', ')} MiB)`);
  if (models > floodGoals.modelsMax) breaches.push(`${kind}: ${models} models listed`);
  return breaches;
}

async function ask({ url }: RelayProcess): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'tabloom-demo',
        max_tokens: 4,
        messages: [{ role: 'user', content: 'hello' }],
      }),
    });
    await response.text();
    return response.status === 200;
  } catch {
    return false;
  }
}

async function modelsListed({ url }: RelayProcess): Promise<number> {
  const response = await fetch(`${url}/v1/models`);
  return ((await response.json()) as { readonly data: readonly unknown[] }).data.length;
}

async function heapOf(relay: RelayProcess): Promise<number> {
  const reports = () => [...relay.text().matchAll(/^heap (\d+) MiB$/gm)];
  const before = reports().length;
  process.kill(relay.pid, 'SIGUSR2');
  while (reports().length === before) await sleep(20);
  return Number(reports().at(-1)![1]);
}
