import { describe, expect, test } from 'vitest';
import { continueJob, initialJob, isLegal, isOver, reduceJob, type JobPhase, type JobState } from './job-state.ts';
import { emptyOutput } from '#lib/protocol/output.ts';
import { attemptTps, seenOf, unreceiptedTokens } from './attempt.ts';
import type { JobEvent, WorkerView } from '../spec.ts';

const worker = (peer: string): WorkerView => ({
  peer,
  self: false,
  role: 'tab',
  engine: { name: 'scripted', build: '1', deviceClass: 'test' },
  model: 'tabloom-demo',
  artefact: 'a'.repeat(64),
  tier: 'open',
});

const envelope = {
  type: 'receipt',
  payload: Uint8Array.of(1),
  key: new Uint8Array(32),
  sig: new Uint8Array(64),
} as const;
const check = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };
const usage = { tokensIn: 3, tokensOut: 2 };
const lost = { code: 'peer-lost', message: 'gone' };

const events: { readonly [T in JobEvent['type']]: Extract<JobEvent, { type: T }> } = {
  'job-routing': { type: 'job-routing', at: 1, attempt: 1 },
  'worker-chosen': {
    type: 'worker-chosen',
    at: 2,
    job: {
      id: '0'.repeat(32),
      artefact: 'a'.repeat(64),
      model: 'tabloom-demo',
      kind: 'completion',
      input: { prompt: 'p' },
      params: { maxTokens: 8 },
      tier: 'open',
      deadlineMs: 1_000,
      salt: '1'.repeat(32),
    },
    worker: worker('A'),
  },
  'channel-opened': { type: 'channel-opened', at: 3, path: 'direct' },
  'job-accepted': { type: 'job-accepted', at: 4, position: 1, etaMs: 50 },
  'worker-refused': { type: 'worker-refused', at: 5, error: { code: 'busy', message: 'full' } },
  'part-received': { type: 'part-received', at: 6, part: { type: 'text-delta', text: 'hé', tokens: 2 } },
  'checkpoint-received': { type: 'checkpoint-received', at: 6, checkpoint: { envelope, tokensOut: 2 } },
  'job-paid': { type: 'job-paid', at: 6, chain: 1, total: '27' },
  'worker-lost': { type: 'worker-lost', at: 7, error: lost },
  'worker-outrun': { type: 'worker-outrun', at: 7 },
  'job-finished': {
    type: 'job-finished',
    at: 8,
    reason: 'stop',
    usage,
    receipt: { receipt: envelope },
    receiptCheck: check,
  },
  'job-failed': { type: 'job-failed', at: 9, error: lost, rejections: [{ peer: 'B', reason: 'parked' }] },
  'job-cancelled': { type: 'job-cancelled', at: 10 },
};

const run = (...names: readonly JobEvent['type'][]) =>
  names.reduce((state, name) => reduceJob(state, events[name]), initialJob);

const reach: Readonly<Record<JobPhase, JobState>> = {
  routing: run('job-routing'),
  opening: run('job-routing', 'worker-chosen', 'channel-opened'),
  queued: run('job-routing', 'worker-chosen', 'channel-opened', 'job-accepted'),
  streaming: run('job-routing', 'worker-chosen', 'channel-opened', 'job-accepted', 'part-received'),
  finished: run('job-routing', 'worker-chosen', 'channel-opened', 'job-accepted', 'part-received', 'job-finished'),
  failed: run('job-routing', 'job-failed'),
  cancelled: run('job-routing', 'job-cancelled'),
};

/** The whole table: where each event leads from each phase. What is not here leads nowhere. */
const leads: Readonly<Record<JobPhase, Partial<Record<JobEvent['type'], JobPhase>>>> = {
  routing: {
    'job-routing': 'routing',
    'worker-chosen': 'opening',
    'job-failed': 'failed',
    'job-cancelled': 'cancelled',
  },
  opening: {
    'channel-opened': 'opening',
    'job-accepted': 'queued',
    'worker-refused': 'routing',
    'worker-lost': 'routing',
    'job-failed': 'failed',
    'job-cancelled': 'cancelled',
  },
  queued: {
    'job-accepted': 'queued',
    'worker-refused': 'routing',
    'part-received': 'streaming',
    'checkpoint-received': 'queued',
    'job-paid': 'queued',
    'worker-lost': 'routing',
    'worker-outrun': 'routing',
    'job-finished': 'finished',
    'job-failed': 'failed',
    'job-cancelled': 'cancelled',
  },
  streaming: {
    'part-received': 'streaming',
    'checkpoint-received': 'streaming',
    'job-paid': 'streaming',
    'worker-lost': 'routing',
    'job-finished': 'finished',
    'job-failed': 'failed',
    'job-cancelled': 'cancelled',
  },
  finished: {},
  failed: {},
  cancelled: {},
};

const phases = Object.keys(leads) as JobPhase[];
const types = Object.keys(events) as JobEvent['type'][];

describe('every phase and every event', () => {
  test.each(phases.flatMap((phase) => types.map((type) => [phase, type] as const)))('%s × %s', (phase, type) => {
    const before = reach[phase];
    expect(before.phase).toBe(phase);
    const after = reduceJob(before, events[type]);
    const to = leads[phase][type];
    expect(isLegal(before, events[type])).toBe(to !== undefined);
    if (to === undefined) expect(after).toBe(before);
    else {
      expect(after).not.toBe(before);
      expect(after.phase).toBe(to);
    }
    expect(isOver(after)).toBe(['finished', 'failed', 'cancelled'].includes(after.phase));
  });
});

test('a job that goes well, whole', () => {
  const [attempt] = reach.streaming.attempts;
  expect(attempt).toEqual({
    worker: worker('A'),
    path: 'direct',
    fromCharacter: 0,
    toCharacter: 2,
    fromToken: 0,
    toToken: 2,
    chosenAt: 2,
    openedAt: 3,
    acceptedAt: 4,
    startedAt: undefined,
    firstTokenAt: 6,
    lastTokenAt: 6,
    outcome: 'open',
  });
  expect(reach.finished).toEqual({
    phase: 'finished',
    attempt: 1,
    attempts: [
      {
        ...attempt,
        outcome: 'finished',
        settlement: { usage, receipt: { receipt: envelope }, receiptCheck: check },
      },
    ],
    job: events['worker-chosen'].job,
    worker: worker('A'),
    path: 'direct',
    position: 1,
    etaMs: 50,
    output: { ...emptyOutput, text: 'hé', tokens: 2 },
    text: 'hé',
    tokens: 2,
    warnings: [],
    rejections: [],
    startedAt: 1,
    firstTokenAt: 6,
    lastTokenAt: 6,
    endedAt: 8,
    reason: 'stop',
    usage,
  });
});

test('a lost worker leaves what it delivered, and the next span begins there', () => {
  const moved = [
    events['worker-lost'],
    { ...events['job-routing'], attempt: 2, at: 20 },
    { ...events['worker-chosen'], worker: worker('B') },
    events['job-accepted'],
    { ...events['part-received'], at: 30 },
  ].reduce(reduceJob, reach.streaming);
  expect(moved).toMatchObject({
    phase: 'streaming',
    attempt: 2,
    text: 'héhé',
    tokens: 4,
    startedAt: 1,
    firstTokenAt: 6,
  });
  expect(
    moved.attempts.map((a) => [a.worker.peer, a.fromCharacter, a.toCharacter, a.fromToken, a.toToken, a.outcome]),
  ).toEqual([
    ['A', 0, 2, 0, 2, 'lost'],
    ['B', 2, 4, 2, 4, 'open'],
  ]);
});

test('a worker that is gone is no longer shown as the one answering', () => {
  for (const name of ['worker-lost', 'worker-refused'] as const) {
    const after = reduceJob(reach.queued, events[name]);
    expect([after.worker, after.path, after.position, after.etaMs]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  }
});

test('an attempt lost before the job fails keeps its own outcome', () => {
  const failed = [events['worker-lost'], events['job-failed']].reduce(reduceJob, reach.streaming);
  expect(failed).toMatchObject({ phase: 'failed', text: 'hé', tokens: 2, error: lost });
  expect(failed.attempts.map((a) => a.outcome)).toEqual(['lost']);
});

test('a settlement comes with the cancellation where the worker gave one', () => {
  const settlement = { usage, receipt: { receipt: envelope }, receiptCheck: check };
  const state = reduceJob(reach.streaming, { ...events['job-cancelled'], settlement });
  expect(state).toMatchObject({ phase: 'cancelled', reason: 'cancelled', usage, text: 'hé' });
  expect(state.attempts).toMatchObject([{ outcome: 'cancelled', settlement }]);
  expect(reach.cancelled.attempts.at(-1)?.settlement).toBeUndefined();
});

test('warnings are kept up to a limit and begin no answer', () => {
  const warning = {
    type: 'part-received',
    at: 6,
    part: { type: 'warning', code: 'seed', message: 'no seed' },
  } as const;
  const state = Array.from({ length: 40 }, () => warning).reduce(reduceJob, reach.queued);
  expect(state.phase).toBe('queued');
  expect(state.warnings).toHaveLength(16);
  expect(state.firstTokenAt).toBeUndefined();
});

test('an attempt shows its rate, its first token and its way', () => {
  const part = (at: number) =>
    ({ ...events['part-received'], at, part: { type: 'text-delta', text: 'x', tokens: 1 } }) as const;
  const state = [
    { ...events['channel-opened'], at: 900 },
    { ...events['job-accepted'], at: 930, position: 2 },
    { ...events['job-accepted'], at: 950, position: 0 },
    part(1_000),
    part(1_100),
    part(1_200),
  ].reduce(reduceJob, run('job-routing', 'worker-chosen'));
  expect(seenOf(state.attempts[0]!)).toEqual({
    tokens: 3,
    spanMs: 1_200 - state.attempts[0]!.chosenAt,
    ttftMs: 50,
    rttMs: 30,
  });
  const instant = [part(5), part(5)].reduce(reduceJob, reach.queued);
  expect(attemptTps(instant.attempts[0]!)).toBeUndefined();
  expect(seenOf(reach.opening.attempts[0]!)).toEqual({ tokens: 0 });
});

test('what neither a receipt nor a checkpoint covers is unreceipted', () => {
  const [streamed] = reduceJob(reach.queued, events['part-received']).attempts;
  expect(unreceiptedTokens(streamed!)).toBe(2);
  const signed = { ...events['checkpoint-received'], checkpoint: { envelope, tokensOut: 2 } };
  const checked = [events['part-received'], signed, events['part-received'], events['worker-lost']].reduce(
    reduceJob,
    reach.queued,
  );
  expect(checked.attempts.map(unreceiptedTokens)).toEqual([2]);
  expect(reach.finished.attempts.map(unreceiptedTokens)).toEqual([0]);
});

test('an answer that goes on keeps what came and what it cost, and its attempts their job', () => {
  const state = continueJob(reduceJob(reduceJob(reach.streaming, events['job-paid']), events['job-finished']));
  expect(state).toMatchObject({ phase: 'routing', text: 'hé', tokens: 2, cost: { total: '27' } });
  expect([state.job, state.reason, state.endedAt, state.worker]).toEqual([undefined, undefined, undefined, undefined]);
  expect(state.attempts.map(({ earlier }) => earlier?.reason)).toEqual(['stop']);
  const paying = [
    events['job-routing'],
    events['worker-chosen'],
    events['channel-opened'],
    events['job-accepted'],
    { ...events['job-paid'], total: '10' },
    { ...events['job-paid'], total: '13' },
  ];
  expect(paying.reduce(reduceJob, state).cost).toEqual({ chain: 1, total: '40' });
  const elsewhere = paying.map((event) => (event.type === 'job-paid' ? { ...event, chain: 2 } : event));
  expect(elsewhere.reduce(reduceJob, state).cost).toEqual({ chain: 2, total: '13' });
  expect(continueJob(initialJob)).toBe(initialJob);
});
