import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';

/** How a job of the gateway went. */
export interface JobMeasurement {
  readonly kind: string;
  /** The worker's name for the model; undefined if none was found. */
  readonly model: string | undefined;
  /** `finished`, `cancelled`, or the code of the failure. */
  readonly outcome: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** From the request to its first token; undefined if none came. */
  readonly ttftMs: number | undefined;
  /** From the first token to the last. */
  readonly decodeMs: number;
}

/** What is read when the metrics are. */
export interface Gauges {
  readonly jobsRunning: number;
  readonly nativeRunning: number;
  readonly nativeQueued: number;
  readonly peersConnected: number;
  readonly workersServing: number;
  /** Models of workers that are not asked for now, since they failed. */
  readonly modelsBenched: number;
  /** Gateway workers that answer requests. */
  readonly gatewaysReady: number;
}

/** All counts of one process, for another one of the same relay. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

export interface Metrics {
  jobOver(job: JobMeasurement): void;
  requestOver(route: string, status: number): void;
  /** Holds that no one else would have ended: of this relay before it was killed, and of one that is gone. */
  holdsRecovered(of: 'restart' | 'gateway-lost', holds: number): void;
  jobsFolded(jobs: number): void;
  /** Gateway workers that did not tell their counts in time. */
  gatewaysSilent(workers: number): void;
  snapshot(): Promise<MetricsSnapshot>;
  /** In Prometheus's text format, with the counts of other processes added. */
  text(others?: readonly MetricsSnapshot[]): Promise<string>;
  readonly contentType: string;
}

/** Distinct values of a label that peers choose; further ones are `other`, so that none of them fills the memory. */
const labelValuesMax = 64;
const secondsBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const rateBuckets = [1, 5, 10, 20, 30, 50, 75, 100, 150, 250, 500, 1_000];

/** Counts of one process, in a registry of its own. No label holds a prompt, a peer or an address. */
export function createMetrics(gauges: () => Gauges): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const models = boundedLabel();
  const jobs = new Counter({
    name: 'tabloom_jobs_total',
    help: 'Jobs of the gateway that are over, by kind, model and outcome.',
    labelNames: ['kind', 'model', 'outcome'],
    registers,
  });
  const tokens = new Counter({
    name: 'tabloom_tokens_total',
    help: 'Tokens of jobs that are over, by model and direction.',
    labelNames: ['model', 'direction'],
    registers,
  });
  const ttft = new Histogram({
    name: 'tabloom_time_to_first_token_seconds',
    help: 'Time from a request to its first token, by model.',
    labelNames: ['model'],
    buckets: secondsBuckets,
    registers,
  });
  const rate = new Histogram({
    name: 'tabloom_tokens_per_second',
    help: 'Tokens per second of one answer after its first, by model.',
    labelNames: ['model'],
    buckets: rateBuckets,
    registers,
  });
  const requests = new Counter({
    name: 'tabloom_http_requests_total',
    help: 'Requests to the API, by route and status.',
    labelNames: ['route', 'status'],
    registers,
  });
  const recovered = new Counter({
    name: 'tabloom_ledger_holds_recovered_total',
    help: 'Holds ended for a relay that was killed, by whether it was this one or another.',
    labelNames: ['of'],
    registers,
  });
  const folded = new Counter({
    name: 'tabloom_ledger_jobs_folded_total',
    help: 'Old jobs of which the ledger keeps only what each account paid.',
    registers,
  });
  const silent = new Counter({
    name: 'tabloom_gateways_silent_total',
    help: 'Gateway workers that did not tell their counts in time, by occasions.',
    registers,
  });
  /** `first`: all processes see the same network, the relay's own first. */
  const gauge = (name: string, help: string, read: (now: Gauges) => number, aggregator: 'sum' | 'first' = 'sum') =>
    new Gauge({
      name,
      help,
      registers,
      aggregator,
      collect() {
        this.set(read(gauges()));
      },
    });
  gauge('tabloom_jobs_running', 'Jobs of the gateway that are running.', (now) => now.jobsRunning);
  gauge('tabloom_native_running', 'Answers that the native provider is giving.', (now) => now.nativeRunning);
  gauge('tabloom_native_queued', 'Jobs that wait for the native provider.', (now) => now.nativeQueued);
  gauge('tabloom_peers_connected', 'Peers connected to this relay.', (now) => now.peersConnected, 'first');
  gauge('tabloom_workers_serving', 'Workers in the directory that accept jobs.', (now) => now.workersServing, 'first');
  gauge(
    'tabloom_models_benched',
    'Models of workers that are not asked for a while, since they failed.',
    (now) => now.modelsBenched,
  );
  gauge('tabloom_gateways_ready', 'Gateway workers that answer requests.', (now) => now.gatewaysReady);

  return {
    jobOver({ kind, model: name, outcome, tokensIn, tokensOut, ttftMs, decodeMs }) {
      const model = name === undefined ? 'none' : models(name);
      jobs.inc({ kind, model, outcome });
      if (tokensIn > 0) tokens.inc({ model, direction: 'in' }, tokensIn);
      if (tokensOut > 0) tokens.inc({ model, direction: 'out' }, tokensOut);
      if (ttftMs !== undefined) ttft.observe({ model }, ttftMs / 1_000);
      if (tokensOut > 1 && decodeMs > 0) rate.observe({ model }, ((tokensOut - 1) * 1_000) / decodeMs);
    },
    requestOver: (route, status) => requests.inc({ route, status }),
    holdsRecovered: (of, holds) => recovered.inc({ of }, holds),
    jobsFolded: (jobs) => folded.inc(jobs),
    gatewaysSilent: (workers) => silent.inc(workers),
    snapshot: () => registry.getMetricsAsJSON(),
    async text(others = []) {
      if (others.length === 0) return registry.metrics();
      const all = [await registry.getMetricsAsJSON(), ...others];
      return AggregatorRegistry.aggregate(all as object[]).metrics();
    },
    contentType: registry.contentType,
  };
}

function boundedLabel(): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= labelValuesMax) return 'other';
    known.add(value);
    return value;
  };
}
