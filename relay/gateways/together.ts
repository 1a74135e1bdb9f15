import type { ReceiptIndex } from '../gateway/receipts.ts';
import type { Health } from '../gateway/routes/status-bodies.ts';
import type { GatewayMetrics } from '../gateway/routes/status.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { WorkerState } from './messages.ts';
import type { GatewayPool } from './pool.ts';

/** What a relay tells of itself and its gateway workers as of one. */
export interface Together {
  readonly health: () => Promise<Health>;
  readonly metrics: Pick<GatewayMetrics, 'text'>;
  readonly receipts: ReceiptIndex;
  /** What the workers said when they were last asked, which begins another asking. */
  states(): readonly WorkerState[];
}

export interface TogetherInit {
  readonly pool: GatewayPool;
  /** Of the relay's own process. */
  readonly health: () => Health;
  readonly metrics: Metrics;
  readonly receipts: ReceiptIndex;
}

export function createTogether({ pool, health, metrics, receipts }: TogetherInit): Together {
  let last: readonly WorkerState[] = [];
  const ask = async () => (last = (await pool.ask({ about: 'state' })).answers);
  return {
    async health() {
      const states = await ask();
      const { ready, starting } = pool.workers;
      return { ...states.map((state) => state.health).reduce(addHealth, health()), gateways: { ready, starting } };
    },
    metrics: {
      async text() {
        const { answers, silent } = await pool.ask({ about: 'metrics' });
        metrics.gatewaysSilent(silent);
        return metrics.text(answers);
      },
    },
    receipts: {
      async find(job) {
        const own = await receipts.find(job);
        if (own.length > 0) return own;
        return (await pool.ask({ about: 'receipts', job })).answers.flat();
      },
    },
    states() {
      void ask();
      return last;
    },
  };
}

/** Adds what a worker did; peers, offers and times are those of the relay. */
function addHealth(sum: Health, { jobs, native }: Health): Health {
  const names = Object.keys(sum.jobs) as (keyof Health['jobs'])[];
  const added = Object.fromEntries(names.map((name) => [name, sum.jobs[name] + jobs[name]]));
  return {
    ...sum,
    jobs: added as Health['jobs'],
    native: addNative(sum.native, native),
  };
}

type Native = Health['native'];

/** The best state of any of them. */
const best: readonly Native['state'][] = ['serving', 'starting', 'failed', 'stopped', 'off'];

function addNative(a: Native, b: Native): Native {
  const shown = best.indexOf(a.state) <= best.indexOf(b.state) ? a : b;
  const [one, other] = [a.upstream, b.upstream];
  const upstream =
    one && other
      ? {
          requestsToday: one.requestsToday + other.requestsToday,
          tokensToday: one.tokensToday + other.tokensToday,
        }
      : (one ?? other);
  return {
    ...shown,
    running: a.running + b.running,
    queued: a.queued + b.queued,
    ...(upstream ? { upstream } : {}),
  };
}
