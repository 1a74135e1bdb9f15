import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { noWork } from '#lib/peer/serve/no-work.ts';
import type { SharingPhase as Phase } from '#lib/state/sharing.ts';
import type { Counters, SharingEffect, SharingEvent, SharingState } from './sharing-spec.ts';
import { audienceOf, initialSharing, reduceSharing } from './sharing.ts';

const error = { code: 'device-lost', message: 'Gone.' };
const fast = { decodeTps: 50, prefillTps: 400, ttftMs: 120 };
const measured = { kind: 'measured', measured: fast } as const;
const tooSlow = { kind: 'too-slow', error: { code: 'too-slow', message: 'Slow.' } } as const;

const start: SharingEvent = { type: 'start-asked', attempt: 1 };
const key: SharingEvent = { type: 'provider-changed', reach: 'network', counters: noWork };
const loaded = (attempt = 1, stays = false): SharingEvent => ({ type: 'model-loaded', attempt, stays });
const told = (change: Partial<Counters>): SharingEvent => ({
  type: 'provider-updated',
  counters: { ...noWork, ...change },
  at: 2_000,
});
const done: SharingEvent = { type: 'measured', attempt: 1, result: measured, at: 1_000 };
const lost = (at = 5_000, attempt = 2): SharingEvent => ({ type: 'model-lost', error, at, attempt });

const run = (...events: readonly SharingEvent[]) =>
  events.reduce<{ readonly state: SharingState; readonly effects: readonly SharingEffect[] }>(
    ({ state }, event) => {
      const [next, effects] = reduceSharing(state, event);
      return { state: next, effects };
    },
    { state: initialSharing('m'), effects: [] },
  );

/** The way into every phase. */
const into: Readonly<Record<Phase, readonly SharingEvent[]>> = {
  off: [key],
  loading: [key, start],
  measuring: [key, start, loaded()],
  sharing: [key, start, loaded(), done],
  paused: [key, start, loaded(), done, { type: 'pause-asked' }],
  finishing: [key, start, loaded(), done, told({ running: 1 }), { type: 'stop-asked', how: 'finish' }],
  failed: [key, start, { type: 'load-failed', attempt: 1, error }],
};
const phases = Object.keys(into) as Phase[];
const stopped = { code: 'aborted', message: expect.any(String) };

/** From a phase, by an event, to a phase, with these effects. */
const transitions: readonly (readonly [Phase, SharingEvent, Phase, readonly SharingEffect[]])[] = [
  ['off', start, 'loading', [{ type: 'load', attempt: 1 }]],
  ['failed', { ...start, attempt: 2 }, 'loading', [{ type: 'load', attempt: 2 }]],
  ['loading', loaded(), 'measuring', [{ type: 'measure', attempt: 1 }]],
  [
    'loading',
    { type: 'load-failed', attempt: 1, error },
    'failed',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error },
    ],
  ],
  [
    'loading',
    { type: 'load-failed', attempt: 1, error: { code: 'aborted', message: 'Stopped.' } },
    'off',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error: { code: 'aborted', message: 'Stopped.' } },
    ],
  ],
  [
    'measuring',
    done,
    'sharing',
    [
      { type: 'keep-consent' },
      { type: 'offer', audience: 'network', measured: fast },
      { type: 'conclude-start', attempt: 1 },
    ],
  ],
  [
    'measuring',
    { type: 'measured', attempt: 1, result: tooSlow, at: 1 },
    'failed',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error: tooSlow.error },
    ],
  ],
  [
    'measuring',
    { type: 'measuring-failed', attempt: 1, error },
    'failed',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error },
    ],
  ],
  [
    'loading',
    { type: 'stop-asked', how: 'now' },
    'off',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error: stopped },
    ],
  ],
  [
    'measuring',
    { type: 'stop-asked', how: 'finish' },
    'off',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error: stopped },
      { type: 'offer', audience: 'self' },
      { type: 'unload' },
    ],
  ],
  ['sharing', { type: 'stop-asked', how: 'now' }, 'off', [{ type: 'offer', audience: 'self' }, { type: 'unload' }]],
  ['sharing', { type: 'stop-asked', how: 'finish' }, 'off', [{ type: 'offer', audience: 'self' }, { type: 'unload' }]],
  ['paused', { type: 'stop-asked', how: 'now' }, 'off', [{ type: 'offer', audience: 'self' }, { type: 'unload' }]],
  [
    'finishing',
    { type: 'stop-asked', how: 'now' },
    'off',
    [{ type: 'offer', audience: 'self' }, { type: 'cut-off' }, { type: 'unload' }],
  ],
  ['finishing', told({}), 'off', [{ type: 'offer', audience: 'self' }, { type: 'unload' }]],
  ['sharing', { type: 'pause-asked' }, 'paused', [{ type: 'offer', audience: 'self' }]],
  ['sharing', { type: 'held', reason: 'battery' }, 'paused', [{ type: 'offer', audience: 'self' }]],
  ['paused', { type: 'resume-asked' }, 'sharing', [{ type: 'offer', audience: 'network' }]],
  ['sharing', lost(), 'loading', [{ type: 'load', attempt: 2 }]],
  ['paused', lost(), 'loading', [{ type: 'load', attempt: 2 }]],
  ['finishing', lost(), 'failed', []],
  [
    'measuring',
    lost(),
    'failed',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error },
    ],
  ],
  ['sharing', { type: 'model-gone' }, 'off', [{ type: 'offer', audience: 'self' }]],
  [
    'measuring',
    { type: 'model-gone' },
    'off',
    [
      { type: 'abandon', attempt: 1 },
      { type: 'conclude-start', attempt: 1, error: stopped },
      { type: 'offer', audience: 'self' },
    ],
  ],
  [
    'sharing',
    { type: 'provider-changed', reach: 'self', counters: noWork },
    'off',
    [{ type: 'offer', audience: 'self' }, { type: 'unload' }],
  ],
];

test.each(transitions)('%s, by $1.type, is %s', (from, event, to, effects) => {
  const { state, effects: found } = run(...into[from], event);
  expect(state.view.phase).toBe(to);
  expect(found).toEqual(effects);
});

test('every phase but off and failed refuses a start with a code, and nothing else comes of it', () => {
  for (const phase of phases.filter((one) => one !== 'off' && one !== 'failed')) {
    const { state } = run(...into[phase]);
    const [next, effects] = reduceSharing(state, { ...start, attempt: 9 });
    expect(next).toBe(state);
    expect(effects).toEqual([
      { type: 'conclude-start', attempt: 9, error: { code: 'already-sharing', message: expect.any(String) } },
    ]);
  }
  const guest = reduceSharing(initialSharing('m'), start);
  expect(guest[1]).toMatchObject([{ type: 'conclude-start', error: { code: 'identity-elsewhere' } }]);
});

test('a model that was there before sharing stays when it ends', () => {
  const { effects } = run(key, start, loaded(1, true), done, { type: 'stop-asked', how: 'now' });
  expect(effects).toEqual([{ type: 'offer', audience: 'self' }]);
});

test('what was lost is loaded once; lost again within ten minutes it is left to the person', () => {
  const again: SharingEvent[] = [loaded(2), { ...done, attempt: 2 } as SharingEvent];
  const once = run(...into.sharing, told({ jobsDone: 3 }), lost(), ...again);
  expect(once.state.view).toMatchObject({ phase: 'sharing', startedAt: 1_000, jobsDone: 3, error: undefined });
  expect(once.effects).not.toContainEqual(expect.objectContaining({ type: 'conclude-start' }));
  expect(reduceSharing(once.state, lost(600_000, 3))[0].view).toMatchObject({ phase: 'failed', error });
  expect(reduceSharing(once.state, lost(605_000, 3))[0].view.phase).toBe('loading');
});

test('the results of an attempt that was stopped are no news', () => {
  const stop: SharingEvent = { type: 'stop-asked', how: 'now' };
  const { state } = run(...into.loading, stop, { ...start, attempt: 2 });
  for (const late of [loaded(1), done, { type: 'load-failed', attempt: 1, error } as const])
    expect(reduceSharing(state, late)).toEqual([state, []]);
});

test('in a thousand histories of any order: announced only while sharing under the key, and every start is answered once', () => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const random = seededRandom(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random.float() * from.length)]!;
    let state = initialSharing('m');
    let attempts = 0;
    const open = new Set<number>();
    for (let step = 0; step < 40; step++) {
      const at = step * 1_000;
      const attempt = pick([attempts, attempts, Math.max(1, attempts - 1)]);
      const counters = { ...noWork, running: pick([0, 1]), queued: pick([0, 0, 2]), jobsDone: step };
      const event = pick<() => SharingEvent>([
        () => ({ type: 'start-asked', attempt: ++attempts }),
        () => ({ type: 'start-asked', attempt: ++attempts }),
        () => ({ type: 'model-loaded', attempt, stays: pick([true, false]) }),
        () => ({ type: 'model-loaded', attempt, stays: pick([true, false]) }),
        () => ({ type: 'load-failed', attempt, error: pick([error, { code: 'aborted', message: '' }]) }),
        () => ({ type: 'measured', attempt, result: pick([measured, measured, tooSlow]), at }),
        () => ({ type: 'measured', attempt, result: measured, at }),
        () => ({ type: 'measuring-failed', attempt, error }),
        () => ({ type: 'stop-asked', how: pick(['finish', 'now']) }),
        () => ({ type: 'pause-asked' }),
        () => ({ type: 'resume-asked' }),
        () => ({ type: 'held', reason: pick(['battery', 'duty']) }),
        () => ({ type: 'released', reason: pick(['battery', 'duty']) }),
        () => ({ type: 'provider-changed', reach: pick(['network', 'network', 'self']), counters }),
        () => ({ type: 'provider-updated', counters, at }),
        () => ({ type: 'model-lost', error, at, attempt: ++attempts }),
        () => ({ type: 'model-gone' }),
      ])();
      if (event.type === 'start-asked') open.add(event.attempt);
      const before = state;
      const [next, effects] = reduceSharing(before, event);
      state = next;
      if (next === before && event.type !== 'start-asked' && event.type !== 'provider-updated')
        expect(effects).toEqual([]);
      for (const effect of effects) {
        if (effect.type === 'conclude-start') expect(open.delete(effect.attempt), `seed ${seed}`).toBe(true);
        if (effect.type === 'offer') expect(effect.audience).toBe(audienceOf(next));
        if (effect.type === 'unload') expect(before.modelStays).toBe(false);
      }
      const { phase } = next.view;
      const starting = (phase === 'loading' || phase === 'measuring') && !next.resuming;
      expect([...open], `seed ${seed}`).toEqual(starting ? [next.attempt] : []);
      if (next.reach === 'self') expect(['off', 'failed'], `seed ${seed}`).toContain(phase);
      if (audienceOf(next) === 'network') expect([phase, next.holds]).toEqual(['sharing', []]);
      if (phase === 'paused') expect(next.holds[0]).toBe(next.view.why);
      if (phase === 'off' || phase === 'failed') expect(next.view.startedAt).toBeUndefined();
    }
  }
});

test('an event that a phase does not know leaves the very same state, and does nothing', () => {
  const foreign: Readonly<Record<Phase, readonly SharingEvent[]>> = {
    off: [loaded(), done, { type: 'stop-asked', how: 'now' }, { type: 'pause-asked' }, lost(), { type: 'model-gone' }],
    failed: [
      loaded(),
      done,
      { type: 'stop-asked', how: 'now' },
      { type: 'resume-asked' },
      lost(),
      { type: 'model-gone' },
    ],
    loading: [done, { type: 'pause-asked' }, { type: 'resume-asked' }, lost(), { type: 'model-gone' }],
    measuring: [loaded(), { type: 'load-failed', attempt: 1, error }, { type: 'pause-asked' }],
    sharing: [loaded(), done, { type: 'resume-asked' }, { type: 'released', reason: 'duty' }],
    paused: [loaded(), done, { type: 'pause-asked' }],
    finishing: [loaded(), done, { type: 'pause-asked' }, { type: 'stop-asked', how: 'finish' }],
  };
  for (const phase of phases) {
    const { state } = run(...into[phase]);
    for (const event of foreign[phase]) {
      const [next, effects] = reduceSharing(state, event);
      expect([next === state, effects], `${event.type} while ${phase}`).toEqual([true, []]);
    }
  }
});
