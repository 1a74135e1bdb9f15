import { expect, test } from 'vitest';
import { createMetrics, type JobMeasurement } from './metrics.ts';

const gauges = {
  jobsRunning: 2,
  nativeRunning: 1,
  nativeQueued: 3,
  peersConnected: 5,
  workersServing: 4,
  modelsBenched: 1,
  gatewaysReady: 2,
};
const job = (change: Partial<JobMeasurement> = {}): JobMeasurement => ({
  kind: 'chat',
  model: 'm',
  outcome: 'finished',
  tokensIn: 10,
  tokensOut: 21,
  ttftMs: 200,
  decodeMs: 1_000,
  ...change,
});

test('jobs, tokens, waits and rates by model', async () => {
  const metrics = createMetrics(() => gauges);
  metrics.jobOver(job());
  metrics.jobOver(
    job({ outcome: 'no-peer-available', model: undefined, tokensIn: 0, tokensOut: 0, ttftMs: undefined }),
  );
  metrics.requestOver('/v1/chat/completions', 200);
  metrics.holdsRecovered('gateway-lost', 2);
  metrics.jobsFolded(64);
  const text = await metrics.text();
  for (const line of [
    'tabloom_jobs_total{kind="chat",model="m",outcome="finished"} 1',
    'tabloom_jobs_total{kind="chat",model="none",outcome="no-peer-available"} 1',
    'tabloom_tokens_total{model="m",direction="out"} 21',
    'tabloom_time_to_first_token_seconds_sum{model="m"} 0.2',
    'tabloom_tokens_per_second_sum{model="m"} 20',
    'tabloom_http_requests_total{route="/v1/chat/completions",status="200"} 1',
    'tabloom_ledger_holds_recovered_total{of="gateway-lost"} 2',
    'tabloom_ledger_jobs_folded_total 64',
    'tabloom_jobs_running 2',
    'tabloom_native_queued 3',
    'tabloom_workers_serving 4',
    'tabloom_models_benched 1',
  ])
    expect(text).toContain(`${line}\n`);
  expect(text).toContain('nodejs_eventloop_lag_seconds');
});

test('names that peers choose cannot grow it without end', async () => {
  const metrics = createMetrics(() => gauges);
  for (let count = 0; count < 1_000; count++) metrics.jobOver(job({ model: `model-${count}` }));
  const text = await metrics.text();
  expect(text.match(/^tabloom_jobs_total/gm)!.length).toBe(65);
  expect(text).toContain('tabloom_jobs_total{kind="chat",model="other",outcome="finished"} 936\n');
});

test('of several processes, work is added up and the network is what the first one sees', async () => {
  const [own, other] = [createMetrics(() => gauges), createMetrics(() => ({ ...gauges, workersServing: 3 }))];
  own.jobOver(job());
  other.jobOver(job());
  other.requestOver('/v1/chat/completions', 200);
  own.gatewaysSilent(1);
  // As it comes from another process.
  const text = await own.text([structuredClone(await other.snapshot())]);
  for (const line of [
    'tabloom_jobs_total{kind="chat",model="m",outcome="finished"} 2',
    'tabloom_tokens_per_second_count{model="m"} 2',
    'tabloom_tokens_per_second_bucket{le="20",model="m"} 2',
    'tabloom_http_requests_total{route="/v1/chat/completions",status="200"} 1',
    'tabloom_jobs_running 4',
    'tabloom_workers_serving 4',
    'tabloom_models_benched 2',
    'tabloom_gateways_silent_total 1',
  ])
    expect(text).toContain(`${line}\n`);
});
