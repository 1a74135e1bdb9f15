import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compare,
  count,
  failures,
  file,
  medianOf,
  ms,
  onField,
  ratio,
  requestCpu,
  requestRate,
  wholeP50,
} from './gateway/field.ts';
import { measure, percentile, type Load, type Target } from './gateway/load.ts';
import { median, spread, type Row } from './row.ts';

const loads = {
  single: { model: 'burst', connections: 1, requests: 300, maxTokens: 16, stream: false },
  busy: { model: 'burst', connections: 8, requests: 1_500, maxTokens: 16, stream: false },
} as const satisfies Record<string, Load>;
const absent: Load = { ...loads.single, model: 'absent', requests: 1_000, status: 404 };
const limited: Load = { ...loads.single, requests: 1_000, status: 429 };
/** Programs on this machine are not limited; one that a proxy names is, after its first request of a minute. */
const proxied = { TRUSTED_PROXIES: '127.0.0.1', REQUESTS_PER_MINUTE: '1' };
const stranger = { 'x-forwarded-for': '203.0.113.7' };

/** Answers that are not streamed. */
export default async function gatewayWhole(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-bench-'));
  const stallFile = join(folder, 'stall');
  const env = { NODE_OPTIONS: `--import=${file('stall.process.ts')}`, STALL_FILE: stallFile, ...proxied };
  try {
    return await onField(
      async (field) => {
        const { direct, tabloom, portkey, llms } = field;
        await longestStall(tabloom, stallFile);
        const seen = await compare(loads, [direct, tabloom, portkey, llms]);
        const stallMs = await longestStall(tabloom, stallFile);
        const refused = await measure(tabloom, absent);
        const shut = { ...tabloom, headers: stranger };
        await measure(shut, { ...limited, requests: 2 });
        const tooMany = await measure(shut, limited);
        const shared = await field.startWithWorkers(2);
        const both: number[] = [];
        for (let round = 0; round < 3; round++) both.push((await measure(shared, loads.busy)).requestsPerSecond);
        const added = (target: Target | undefined) =>
          medianOf(seen(target, 'single'), wholeP50) - medianOf(seen(direct, 'single'), wholeP50);
        const rate = (target: Target | undefined) => medianOf(seen(target, 'busy'), requestRate);
        const cpu = (target: Target | undefined) => medianOf(seen(target, 'busy'), requestCpu);
        const p99 = medianOf(seen(tabloom, 'single'), ({ wholeMs }) => percentile(wholeMs, 0.99));
        return [
          {
            what: 'whole answer, 1 connection, added p50 ÷ Portkey’s',
            value: ratio(added(tabloom), added(portkey)),
            goal: '≤ 1.5',
            note: `${ms(added(tabloom))}, Portkey ${ms(added(portkey))}, llms ${ms(added(llms))}; p99 ${ms(p99)}`,
          },
          {
            what: 'requests/s, 8 connections ÷ Portkey’s; ÷ llms’',
            value: `${ratio(rate(tabloom), rate(portkey))}; ${ratio(rate(tabloom), rate(llms))}`,
            goal: '≥ 0.75',
            note: `${count(rate(tabloom))}, ${count(rate(portkey))}, ${count(rate(llms))}; direct ${count(rate(direct))}`,
          },
          {
            what: 'the same, two gateway processes ÷ Portkey’s one',
            value: ratio(median(both), rate(portkey)),
            goal: '≥ 1.2',
            note: `${spread(both, 0)}, one relay with --gateways 2, on as many cores as there are`,
          },
          {
            what: 'processor time of a request, 8 connections',
            value: ms(cpu(tabloom)),
            goal: '≤ 1.5 ms',
            note: `Portkey ${ms(cpu(portkey))}, llms ${ms(cpu(llms))}`,
          },
          {
            what: 'processor time of a 404, 1 connection',
            value: ms(refused.processorMsPerRequest),
            goal: '≤ 1 ms',
            note: `${refused.failed} of ${absent.requests} had another status`,
          },
          {
            what: 'processor time of a 429, 1 connection',
            value: ms(tooMany.processorMsPerRequest),
            goal: '≤ 1 ms',
            note: `${tooMany.failed} of ${limited.requests} had another status`,
          },
          {
            what: 'longest stall of the gateway’s event loop',
            value: ms(stallMs, 1),
            goal: '≤ 20 ms',
            note: 'over the rows above; what the machine gave to others is in it',
          },
          {
            what: 'whole answers that failed',
            value: String(failures([...seen(tabloom, 'single'), ...seen(tabloom, 'busy')])),
            goal: '0',
            note: field.missing ?? '',
          },
        ];
      },
      { env },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of the process since it was last asked, in ms. */
async function longestStall({ pid }: Target, path: string): Promise<number> {
  await rm(path, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (let tries = 0; tries < 100; tries++) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text !== '') return Number(text);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return NaN;
}
