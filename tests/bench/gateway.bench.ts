import { fileURLToPath } from 'node:url';
import { startRelay } from '../fixtures/relay-process.ts';
import { measure, percentile, type Load, type Measured, type Target } from './gateway/load.ts';
import { freePort, residentMiB, startServer, type Server } from './gateway/process.ts';
import { installRivals } from './gateway/rivals.ts';
import { median, spread, type Row } from './row.ts';

/**
 * The gateway before a model server that costs nothing, beside the server itself and two other gateways, each a process
 * of its own. Only the ratios say something of the code; the milliseconds are the machine's. Our answers carry a receipt
 * that two peers signed and one checked; the others' carry none.
 */
const rounds = 3;
const warmup: Load = { model: 'burst', connections: 8, requests: 1_000, maxTokens: 16, stream: false };
const warmupStream: Load = { model: 'burst', connections: 4, requests: 60, maxTokens: 500, stream: true };
const loads = {
  single: { model: 'burst', connections: 1, requests: 300, maxTokens: 16, stream: false },
  busy: { model: 'burst', connections: 8, requests: 1_500, maxTokens: 16, stream: false },
  first: { model: 'paced-50', connections: 1, requests: 30, maxTokens: 2, stream: true },
  burst1: { model: 'burst', connections: 1, requests: 20, maxTokens: 1_500, stream: true },
  burst4: { model: 'burst', connections: 4, requests: 40, maxTokens: 1_500, stream: true },
  burst32: { model: 'burst', connections: 32, requests: 64, maxTokens: 1_500, stream: true },
  paced1: { model: 'paced-100', connections: 1, requests: 1, maxTokens: 300, stream: true },
  paced4: { model: 'paced-100', connections: 4, requests: 4, maxTokens: 300, stream: true },
  paced64: { model: 'paced-30', connections: 64, requests: 64, maxTokens: 100, stream: true },
} as const satisfies Record<string, Load>;
type LoadName = keyof typeof loads;
type Results = Readonly<Record<LoadName, readonly Measured[]>>;

export default async function gateway(): Promise<readonly Row[]> {
  const servers: Server[] = [];
  const backend = await startServer([file('gateway/backend.process.ts')]);
  servers.push(backend);
  const relay = await startRelay({
    native: 'with-native',
    env: {
      NATIVE_SERVER: backend.url,
      NATIVE_SERVER_KIND: 'openai',
      NATIVE_MODELS: 'burst,paced-30,paced-50,paced-100',
      NATIVE_FEATURES: '',
      NATIVE_SLOTS: '64',
    },
  });
  try {
    const direct: Target = {
      name: 'direct',
      url: backend.url,
      pid: backend.pid,
      headers: {},
      modelName: (name) => name,
    };
    const ours: Target = { ...direct, name: 'tabloom', url: relay.url, pid: relay.pid };
    const others = await startRivals(backend.url, servers);
    const targets = [direct, ours, ...others.targets];
    const results = new Map<string, Results>();
    for (const target of targets) {
      await measure(target, warmup);
      await measure(target, warmupStream);
      results.set(target.name, Object.fromEntries(Object.keys(loads).map((name) => [name, []])) as never);
    }
    const residentBefore = residentMiB(relay.pid);
    for (let round = 0; round < rounds; round++) {
      for (const [name, load] of Object.entries(loads)) {
        for (const target of targets) {
          const measured = await measure(target, load);
          (results.get(target.name)![name as LoadName] as Measured[]).push(measured);
        }
      }
    }
    const grown = residentMiB(relay.pid) - residentBefore;
    const of = (target: string) => results.get(target);
    return [
      ...rowsOf(results.get('direct')!, results.get('tabloom')!, of('portkey'), of('llms')),
      {
        what: 'requests that failed',
        value: Object.values(of('tabloom')!)
          .flat()
          .reduce((sum, { failed }) => sum + failed, 0)
          .toString(),
        goal: '0',
        note: 'another status, or another number of tokens',
      },
      { what: 'memory after the run, against before', value: `${grown.toFixed(0)} MiB`, goal: 'flat', note: '' },
      ...(others.missing === undefined
        ? []
        : [{ what: 'other gateways', value: 'not measured', goal: '', note: others.missing }]),
    ];
  } finally {
    await relay.dispose();
    for (const server of servers.toReversed()) await server.stop();
  }
}

async function startRivals(backend: string, servers: Server[]) {
  const installed = installRivals();
  if ('missing' in installed) return { targets: [], missing: installed.missing };
  const { folder } = installed;
  const start = async (args: (port: number) => readonly string[]) => {
    const port = await freePort();
    const server = await startServer(args(port), port);
    servers.push(server);
    return server;
  };
  const portkey = await start((port) => [
    `${folder}/node_modules/@portkey-ai/gateway/build/start-server.js`,
    `--port=${port}`,
    '--headless',
  ]);
  const llms = await start((port) => [file('gateway/llms.process.cjs'), folder, String(port), backend]);
  const headers = {
    authorization: 'Bearer none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${backend}/v1`,
  };
  const targets: readonly Target[] = [
    { ...portkey, name: 'portkey', headers, modelName: (name) => name },
    { ...llms, name: 'llms', headers: {}, modelName: (name) => `bench,${name}` },
  ];
  return { targets, missing: undefined };
}

function rowsOf(direct: Results, ours: Results, portkey?: Results, llms?: Results): readonly Row[] {
  const value = (results: Results | undefined, name: LoadName, of: (measured: Measured) => number) =>
    results ? median(results[name].map(of)) : NaN;
  const p50 = ({ wholeMs }: Measured) => percentile(wholeMs, 0.5);
  const p99 = ({ wholeMs }: Measured) => percentile(wholeMs, 0.99);
  const first = ({ firstTokenMs }: Measured) => percentile(firstTokenMs, 0.5);
  const rate = ({ requestsPerSecond }: Measured) => requestsPerSecond;
  const speed = ({ tokensPerSecond }: Measured) => tokensPerSecond;
  const added = (results: Results | undefined, name: LoadName, of: (measured: Measured) => number) =>
    value(results, name, of) - value(direct, name, of);
  const ratio = (one: number, other: number) => (Number.isNaN(other) ? 'not measured' : (one / other).toFixed(2));
  const ms = (number: number) => `${number.toFixed(2)} ms`;
  const count = (number: number) => Math.round(number).toLocaleString('en');
  const spreadOf = (name: LoadName, of: (measured: Measured) => number, digits: number) =>
    spread(ours[name].map(of), digits);
  const bursts = (['burst1', 'burst4', 'burst32'] as const).map((name): Row => {
    const [own, theirs, others] = [ours, portkey, llms].map((results) => value(results, name, speed));
    return {
      what: `tokens/s of a burst, ${loads[name].connections} streams ÷ Portkey’s; ÷ llms’`,
      value: `${ratio(own!, theirs!)}; ${ratio(own!, others!)}`,
      goal: '≥ 1.2; ≥ 0.9',
      note: `${count(own!)}, ${count(theirs!)}, ${count(others!)}; direct ${count(value(direct, name, speed))}`,
    };
  });
  const paced = (['paced1', 'paced4', 'paced64'] as const).map((name): Row => {
    const [own, alone] = [ours, direct].map((results) => value(results, name, speed));
    return {
      what: `tokens/s of ${loads[name].connections} streams paced at ${loads[name].model.slice(6)} ÷ direct`,
      value: ratio(own!, alone!),
      goal: '≥ 0.99',
      note: spreadOf(name, speed, 0),
    };
  });
  const cpu = ({ processorMsPerRequest }: Measured) => processorMsPerRequest;
  const cpuToken = ({ processorMsPerToken }: Measured) => processorMsPerToken;
  return [
    {
      what: 'whole answer, 1 connection, added p50 ÷ Portkey’s',
      value: ratio(added(ours, 'single', p50), added(portkey, 'single', p50)),
      goal: '≤ 1.5',
      note: `${ms(added(ours, 'single', p50))}, Portkey ${ms(added(portkey, 'single', p50))}, llms ${ms(added(llms, 'single', p50))}; p99 ${ms(value(ours, 'single', p99))}`,
    },
    {
      what: 'requests/s, 8 connections ÷ Portkey’s; ÷ llms’',
      value: `${ratio(value(ours, 'busy', rate), value(portkey, 'busy', rate))}; ${ratio(value(ours, 'busy', rate), value(llms, 'busy', rate))}`,
      goal: '≥ 0.75',
      note: `${count(value(ours, 'busy', rate))}, ${count(value(portkey, 'busy', rate))}, ${count(value(llms, 'busy', rate))}; direct ${count(value(direct, 'busy', rate))}`,
    },
    {
      what: 'processor time of a request, 8 connections',
      value: ms(value(ours, 'busy', cpu)),
      goal: '≤ 1.5 ms',
      note: `Portkey ${ms(value(portkey, 'busy', cpu))}, llms ${ms(value(llms, 'busy', cpu))}`,
    },
    {
      what: 'processor time of a token: burst, 4 streams; paced, 64 streams',
      value: `${value(ours, 'burst4', cpuToken).toFixed(4)}; ${value(ours, 'paced64', cpuToken).toFixed(3)} ms`,
      goal: '≤ 0.01; ≤ 0.1 ms',
      note: `Portkey ${value(portkey, 'burst4', cpuToken).toFixed(4)}; ${value(portkey, 'paced64', cpuToken).toFixed(3)}`,
    },
    {
      what: 'first token added, paced server',
      value: ms(added(ours, 'first', first)),
      goal: '≤ 4 ms',
      note: `Portkey ${ms(added(portkey, 'first', first))}, llms ${ms(added(llms, 'first', first))}`,
    },
    ...bursts,
    ...paced,
  ];
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
