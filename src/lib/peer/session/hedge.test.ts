import { expect, test } from 'vitest';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { UnknownFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { jobFixture } from '#lib/protocol/protocol.fixture.ts';
import type { WorkerView } from '../spec.ts';
import { initialAsker, reduceAsker } from './asker.ts';
import type { AskerEffect, AskerEvent, AskerState } from './asker-spec.ts';

const envelope = {} as Envelope;
const job = jobFixture as Job;
const chosen = (type: 'chosen' | 'hedged', peer: string, at: number): AskerEvent => ({
  type,
  at,
  job,
  worker: { peer, self: false, role: 'tab', model: 'm', artefact: 'a', tier: 'open' } as WorkerView,
  firstPartTimeoutMs: 20_000,
  stallTimeoutMs: 4_000,
  hedgeAfterMs: type === 'chosen' ? 3_000 : undefined,
  parts: ['text-delta'],
  dataBytesMax: 10,
  wasStopped: false,
});
const accepted = { t: 'accepted', position: 0, etaMs: 0 } as const;
const part = (text: string): WorkerFrame => ({ t: 'part', part: { type: 'text-delta', text, tokens: 1 } });
const warning: WorkerFrame = { t: 'part', part: { type: 'warning', code: 'parameter-ignored', message: 'no' } };
const lost = { code: 'peer-lost', message: '' };

/** Worker A has a slot and is late; B has been asked beside it. */
function hedged() {
  let state: AskerState = initialAsker;
  let effects: readonly AskerEffect[] = [];
  const say = (event: AskerEvent) => {
    [state, effects] = reduceAsker(state, event, 60_000);
  };
  const frame = (attempt: number, frame: WorkerFrame | UnknownFrame, at = 5_000) =>
    say({ type: 'frame', at, attempt, frame, late: false });
  say({ type: 'start', at: 0 });
  say(chosen('chosen', 'A', 1));
  say({ type: 'opened', at: 2, attempt: 1, path: 'direct' });
  frame(1, accepted, 3);
  const armed = effects;
  say({ type: 'timer', timer: 'hedge', at: 3_003 });
  const wish = effects;
  say(chosen('hedged', 'B', 3_004));
  const asked = effects;
  say({ type: 'opened', at: 3_010, attempt: 2, path: 'relayed' });
  frame(2, accepted, 3_020);
  return {
    get state() {
      return state;
    },
    get effects() {
      return effects;
    },
    told: () => effects.flatMap((effect) => (effect.type === 'tell' ? [effect.event.type] : [])),
    records: () =>
      effects.flatMap((effect) => (effect.type === 'record' ? [[effect.worker.peer, effect.end.type]] : [])),
    dropped: () => effects.flatMap((effect) => (effect.type === 'drop' ? [effect.attempt] : [])),
    armed,
    wish,
    asked,
    say,
    frame,
  };
}

test('a second worker is asked when the first is late, and nothing is told of it', () => {
  const asker = hedged();
  expect(asker.armed).toContainEqual({ type: 'arm', timer: 'hedge', ms: 3_000 });
  expect(asker.wish).toEqual([{ type: 'hedge', tried: ['A'] }]);
  expect(asker.asked.map(({ type }) => type)).toEqual(['open']);
  expect(asker.effects).toEqual([]);
  expect(asker.state.job).toMatchObject({ phase: 'queued', worker: { peer: 'A' }, attempts: [{}] });
  expect(asker.state.tried).toEqual(['A', 'B']);
});

test('the second speaks first: it takes the place of the first, with its own times, and nobody is blamed', () => {
  const asker = hedged();
  asker.frame(2, warning);
  expect(asker.effects).toEqual([]);
  asker.frame(2, part('x'));
  expect(asker.told()).toEqual([
    'worker-outrun',
    'job-routing',
    'worker-chosen',
    'channel-opened',
    'job-accepted',
    'part-received',
    'part-received',
  ]);
  expect(asker.records()).toEqual([['A', 'cancelled']]);
  expect(asker.dropped()).toEqual([1]);
  expect(asker.effects).toContainEqual({ type: 'send', attempt: 1, frame: { t: 'cancel', jobId: job.id } });
  expect(asker.effects).toContainEqual({ type: 'remember-stopped', job, worker: 'A' });
  expect(asker.effects.filter(({ type }) => type === 'open')).toEqual([]);
  expect(asker.state).toMatchObject({
    step: 'open',
    hedge: undefined,
    current: { attempt: 2, hasSlot: true, hasSpoken: true },
    job: {
      phase: 'streaming',
      text: 'x',
      attempts: [
        { worker: { peer: 'A' }, outcome: 'cancelled', toToken: 0 },
        { worker: { peer: 'B' }, chosenAt: 3_004, openedAt: 3_010, acceptedAt: 3_020, toToken: 1 },
      ],
    },
  });
  // What the first one had sent by then is no breach, and no second answer.
  asker.frame(1, part('y'));
  expect(asker.effects).toEqual([]);
  expect(asker.state.job.text).toBe('x');
});

test('the first speaks first: the second is sent cancel at once, and nothing was ever told of it', () => {
  const asker = hedged();
  asker.frame(1, part('x'));
  expect(asker.told()).toEqual(['part-received']);
  expect(asker.records()).toEqual([['B', 'cancelled']]);
  expect(asker.dropped()).toEqual([2]);
  asker.frame(2, part('y'));
  expect(asker.effects).toEqual([]);
  expect(asker.state.job).toMatchObject({ text: 'x', attempts: [{ worker: { peer: 'A' } }] });
  // The next worker is counted on.
  asker.say({ type: 'lost', at: 6_000, attempt: 1, error: lost });
  expect(asker.effects).toContainEqual(expect.objectContaining({ type: 'choose', attempt: 3, tried: ['A', 'B'] }));
});

test('the first is lost while the second is at work: no third one is chosen', () => {
  const asker = hedged();
  asker.say({ type: 'lost', at: 6_000, attempt: 1, error: lost });
  expect(asker.told()).toEqual(['worker-lost', 'job-routing', 'worker-chosen', 'channel-opened', 'job-accepted']);
  expect(asker.records()).toEqual([['A', 'lost']]);
  expect(asker.effects.filter(({ type }) => type === 'choose')).toEqual([]);
  const waits = asker.effects.flatMap((effect) => (effect.type === 'arm' ? [effect.timer] : []));
  expect(waits.slice(-2)).toEqual(['silence', 'first-word']);
  asker.frame(2, part('x'));
  expect(asker.state.job).toMatchObject({ phase: 'streaming', text: 'x' });
});

test.each<[string, AskerEvent, string]>([
  ['is lost', { type: 'lost', at: 5_000, attempt: 2, error: lost }, 'lost'],
  ['refuses', frameOf({ t: 'refused', code: 'policy', message: '' }), 'refused'],
  ['fails', frameOf({ t: 'error', code: 'engine-failed', message: '' }), 'lost'],
  ['has a queue', frameOf({ t: 'accepted', position: 1, etaMs: 10 }), 'cancelled'],
  [
    'has nothing to say',
    frameOf({ t: 'finish', reason: 'stop', usage: { tokensIn: 1, tokensOut: 0 }, receipt: envelope }),
    'cancelled',
  ],
])('a second worker that %s is let go, and the first goes on', (_name, event, end) => {
  const asker = hedged();
  asker.say(event);
  expect([asker.told(), asker.records(), asker.dropped()]).toEqual([[], [['B', end]], [2]]);
  expect(asker.state.hedge).toBeUndefined();
  asker.frame(1, part('x'));
  expect(asker.state.job.text).toBe('x');
});

function frameOf(frame: WorkerFrame): AskerEvent {
  return { type: 'frame', at: 5_000, attempt: 2, frame, late: false };
}

test('what a second worker says against the request is judged by how the job ends', () => {
  const asker = hedged();
  asker.frame(2, { t: 'error', code: 'bad-request', message: '' });
  expect(asker.records()).toEqual([]);
  asker.say({ type: 'timer', timer: 'deadline', at: 60_000 });
  expect(asker.records()).toEqual([
    ['A', 'failed'],
    ['B', 'refused'],
  ]);
});

test.each(['stop', 'leave'] as const)('on %s both are sent cancel', (type) => {
  const asker = hedged();
  asker.say({ type, at: 5_000 });
  const cancelled = asker.effects.flatMap((effect) => (effect.type === 'send' ? [effect.attempt] : []));
  expect(cancelled.toSorted()).toEqual([1, 2]);
  asker.frame(2, part('y'));
  expect(asker.state.job.text).toBe('');
});

test('a second worker that comes too late is not asked, and not held as asked', () => {
  const asker = hedged();
  asker.frame(1, part('x'));
  asker.say(chosen('hedged', 'C', 6_000));
  expect(asker.effects.map(({ type }) => type)).toEqual(['record']);
  expect(asker.records()).toEqual([['C', 'cancelled']]);
  expect(asker.state.tried).toEqual(['A', 'B']);
});

test('a second worker that babbles before its first word is let go', () => {
  const asker = hedged();
  for (let i = 0; i < 100 && asker.state.hedge; i++) asker.frame(2, warning);
  expect(asker.records()).toEqual([['B', 'cancelled']]);
});

test('a worker with a queue, one that has spoken, and a job that has lost one already are not hedged', () => {
  let state: AskerState = initialAsker;
  let effects: readonly AskerEffect[] = [];
  const say = (event: AskerEvent) => {
    [state, effects] = reduceAsker(state, event, 60_000);
  };
  const frame = (attempt: number, frame: WorkerFrame) => say({ type: 'frame', at: 5, attempt, frame, late: false });
  const hedge = () => {
    say({ type: 'timer', timer: 'hedge', at: 3_000 });
    return effects;
  };
  say({ type: 'start', at: 0 });
  say(chosen('chosen', 'A', 1));
  say({ type: 'opened', at: 2, attempt: 1, path: 'direct' });
  frame(1, { t: 'accepted', position: 2, etaMs: 10 });
  frame(1, accepted);
  expect(effects.some((effect) => effect.type === 'arm' && effect.timer === 'hedge')).toBe(false);
  frame(1, part('x'));
  expect(hedge()).toEqual([]);
  say({ type: 'lost', at: 6, attempt: 1, error: lost });
  say(chosen('chosen', 'B', 7));
  say({ type: 'opened', at: 8, attempt: 2, path: 'direct' });
  frame(2, accepted);
  expect(hedge()).toEqual([]);
});
