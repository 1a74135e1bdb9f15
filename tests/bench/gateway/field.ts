import { fileURLToPath } from 'node:url';
import { startRelay } from '../../fixtures/relay-process.ts';
import { startPostgres, startRedis, type Service } from '../../fixtures/services.ts';
import { median } from '../row.ts';
import { measure, percentile, type Load, type Measured, type Target } from './load.ts';
import { freePort, startServer, type Server } from './process.ts';
import { installRivals } from './rivals.ts';

/**
 * The gateway before a model server that costs nothing, beside the server itself and two other gateways, each a process
 * of its own. Only the ratios say something of the code; the milliseconds are the machine's. Our answers carry a receipt
 * that two peers signed and one checked; the others' carry none.
 */
export interface Field {
  readonly direct: Target;
  readonly tabloom: Target;
  /** Undefined where they could not be installed; `missing` then says why. */
  readonly portkey: Target | undefined;
  readonly llms: Target | undefined;
  readonly missing: string | undefined;
  /** Another relay of ours before the same server, with gateway workers. @throws without Postgres and Redis. */
  startWithWorkers(workers: number): Promise<Target>;
}

const warmups: readonly Load[] = [
  { model: 'burst', connections: 8, requests: 1_000, maxTokens: 16, stream: false, secondsMax: 20 },
  { model: 'burst', connections: 4, requests: 60, maxTokens: 500, stream: true },
];

/** Starts everything, warms it up, and stops it after the work. `env` is for our gateway; `rivals`: the other two. */
export async function onField<T>(
  work: (field: Field) => Promise<T>,
  {
    env = {},
    rivals: wanted = 'with',
  }: { readonly env?: Readonly<Record<string, string>>; readonly rivals?: 'with' | 'without' } = {},
): Promise<T> {
  const undo: (() => Promise<void>)[] = [];
  const start = async (args: readonly string[], port?: number): Promise<Server> => {
    const server = await startServer(args, port);
    undo.push(server.stop);
    return server;
  };
  try {
    const backend = await start([file('backend.process.ts')]);
    const plain = { pid: backend.pid, headers: {}, modelName: (name: string) => name };
    const direct: Target = { ...plain, name: 'direct', url: backend.url };
    const startOurs = async (name: string, more: Readonly<Record<string, string>> = {}): Promise<Target> => {
      const relay = await startRelay({ native: 'with-native', env: { ...nativeEnv(backend.url), ...env, ...more } });
      undo.push(relay.dispose);
      return { ...plain, name, url: relay.url, pid: relay.pid };
    };
    const tabloom = await startOurs('tabloom');
    const none = { portkey: undefined, llms: undefined, missing: undefined };
    const rivals = wanted === 'with' ? await startRivals(backend.url, start) : none;
    for (const target of [direct, tabloom, rivals.portkey, rivals.llms]) await warmUp(target);
    const startWithWorkers = async (workers: number) => {
      const services: Service[] = [];
      undo.push(async () => void (await Promise.all(services.map((service) => service.dispose()))));
      for (const begin of [startPostgres, startRedis]) services.push(await begin());
      const [{ url: DATABASE_URL }, { url: REDIS_URL }] = services as [Service, Service];
      const shared = await startOurs('workers', { GATEWAYS: String(workers), DATABASE_URL, REDIS_URL });
      await warmUp(shared);
      return shared;
    };
    return await work({ direct, tabloom, ...rivals, startWithWorkers });
  } finally {
    for (const end of undo.toReversed()) await end();
  }
}

async function warmUp(target: Target | undefined): Promise<void> {
  if (target) for (const load of warmups) await measure(target, load);
}

const nativeEnv = (server: string) => ({
  NATIVE_SERVER: server,
  NATIVE_SERVER_KIND: 'openai',
  NATIVE_MODELS: 'burst,paced-30,paced-50,paced-100',
  NATIVE_FEATURES: '',
  NATIVE_SLOTS: '64',
});

async function startRivals(backend: string, start: (args: readonly string[], port: number) => Promise<Server>) {
  const installed = installRivals();
  if ('missing' in installed) return { portkey: undefined, llms: undefined, missing: installed.missing };
  const { folder } = installed;
  const [portkeyPort, llmsPort] = [await freePort(), await freePort()];
  const portkey = await start(
    [`${folder}/node_modules/@portkey-ai/gateway/build/start-server.js`, `--port=${portkeyPort}`, '--headless'],
    portkeyPort,
  );
  const llms = await start([file('llms.process.cjs'), folder, String(llmsPort), backend], llmsPort);
  const headers = {
    authorization: 'Bearer none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${backend}/v1`,
  };
  return {
    portkey: { ...portkey, name: 'portkey', headers, modelName: (name: string) => name },
    llms: { ...llms, name: 'llms', headers: {}, modelName: (name: string) => `bench,${name}` },
    missing: undefined,
  };
}

/** What one target did under one load, in each round. */
export type Rounds = readonly Measured[];

const rounds = 3;

/** Puts each load to each target in turn, three times over, so that what the machine does meanwhile falls on all alike. */
export async function compare<Name extends string>(
  loads: Readonly<Record<Name, Load>>,
  targets: readonly (Target | undefined)[],
): Promise<(target: Target | undefined, load: Name) => Rounds> {
  const seen = new Map<string, Measured[]>();
  for (let round = 0; round < rounds; round++) {
    for (const name in loads) {
      for (const target of targets) {
        if (!target) continue;
        const key = `${target.name} ${name}`;
        seen.set(key, [...(seen.get(key) ?? []), await measure(target, loads[name])]);
      }
    }
  }
  return (target, load) => seen.get(`${target?.name} ${load}`) ?? [];
}

/** NaN for a target that is missing. */
export const medianOf = (of: Rounds, read: (measured: Measured) => number): number =>
  of.length === 0 ? NaN : median(of.map(read));

export const wholeP50 = ({ wholeMs }: Measured) => percentile(wholeMs, 0.5);
export const firstP50 = ({ firstTokenMs }: Measured) => percentile(firstTokenMs, 0.5);
export const requestRate = ({ requestsPerSecond }: Measured) => requestsPerSecond;
export const tokenRate = ({ tokensPerSecond }: Measured) => tokensPerSecond;
export const requestCpu = ({ processorMsPerRequest }: Measured) => processorMsPerRequest;
export const tokenCpu = ({ processorMsPerToken }: Measured) => processorMsPerToken;
export const failures = (of: Rounds): number => of.reduce((sum, { failed }) => sum + failed, 0);

export const ratio = (one: number, other: number) => (Number.isNaN(other) ? 'not measured' : (one / other).toFixed(2));
export const ms = (number: number, digits = 2) => `${number.toFixed(digits)} ms`;
export const count = (number: number) => (Number.isNaN(number) ? '–' : Math.round(number).toLocaleString('en'));

export const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
