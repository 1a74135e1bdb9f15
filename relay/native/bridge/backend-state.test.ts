import { expect, test } from 'vitest';
import {
  initialBackend,
  reduceBackend,
  type BackendEffect,
  type BackendEvent,
  type BackendState,
} from './backend-state.ts';

const error = (code = 'engine-failed', details: object = {}) => ({
  code,
  message: 'It failed.',
  details: { ...details },
});

/** Runs the events; the effects are those of each, in order. */
function run(events: readonly BackendEvent[], from = initialBackend) {
  let state: BackendState = from;
  const effects: BackendEffect[] = [];
  for (const event of events) {
    const [next, caused] = reduceBackend(state, event);
    state = next;
    effects.push(...caused);
  }
  return { state, effects, phases: Object.fromEntries([...state.models].map(([name, { phase }]) => [name, phase])) };
}

const served = run([
  { type: 'listed', models: ['a', 'b'] },
  { type: 'prepared', model: 'a' },
  { type: 'prepared', model: 'b' },
]).state;
const failed: BackendEvent = { type: 'request-failed', model: 'a', error: error() };

test('a listed model is prepared, then served', () => {
  const { effects, phases } = run([
    { type: 'listed', models: ['a', 'a', 'b'] },
    { type: 'prepared', model: 'a' },
  ]);
  expect(effects).toEqual([
    { type: 'prepare', model: 'a' },
    { type: 'prepare', model: 'b' },
    { type: 'serve', model: 'a' },
  ]);
  expect(phases).toEqual({ a: 'serving', b: 'preparing' });
});

test('the same list again changes nothing', () => {
  expect(reduceBackend(served, { type: 'listed', models: ['b', 'a'] })).toEqual([served, []]);
});

test('a model that is no longer listed is withdrawn, a new one prepared', () => {
  const { effects, phases } = run([{ type: 'listed', models: ['b', 'c'] }], served);
  expect(effects).toEqual([
    { type: 'prepare', model: 'c' },
    { type: 'withdraw', model: 'a' },
  ]);
  expect(phases).toEqual({ b: 'serving', c: 'preparing' });
});

test('a server that does not respond loses all its models, and they start afresh when it does', () => {
  const down = run([{ type: 'unlisted', error: error('load-failed'), heard: false }], served);
  expect(down.effects).toEqual([
    { type: 'withdraw', model: 'a' },
    { type: 'withdraw', model: 'b' },
  ]);
  expect(down.state).toMatchObject({ phase: 'down', error: { code: 'load-failed' } });
  expect(run([{ type: 'listed', models: ['a'] }], down.state).effects).toEqual([{ type: 'prepare', model: 'a' }]);
});

test('one that streams an answer meanwhile is slow, not dead', () => {
  expect(reduceBackend(served, { type: 'unlisted', error: error('load-failed'), heard: true })).toEqual([served, []]);
});

test('three failures in a row lead to a trial, which decides who is at fault', () => {
  const suspected = run([failed, failed, failed], served);
  expect(suspected.effects).toEqual([{ type: 'try', model: 'a', afterMs: 0 }]);
  expect(suspected.phases).toEqual({ a: 'suspect', b: 'serving' });
  // More failures start no second trial.
  expect(run([failed, failed, failed, failed], suspected.state).effects).toEqual([]);
  const cleared = run([{ type: 'trial-done', model: 'a' }], suspected.state);
  expect(cleared.effects).toEqual([]);
  expect(cleared.phases).toEqual({ a: 'serving', b: 'serving' });
  const broken = run([{ type: 'trial-failed', model: 'a', error: error() }], suspected.state);
  expect(broken.effects).toEqual([
    { type: 'withdraw', model: 'a' },
    { type: 'try', model: 'a', afterMs: 1_000 },
  ]);
});

test('an answer between failures clears them', () => {
  const { phases, effects } = run([failed, failed, { type: 'request-done', model: 'a' }, failed, failed], served);
  expect([phases, effects]).toEqual([{ a: 'serving', b: 'serving' }, []]);
});

test('trials come less and less often, and success serves the model again', () => {
  const trial: BackendEvent = { type: 'trial-failed', model: 'a', error: error() };
  const { state, effects } = run([failed, failed, failed, ...Array.from({ length: 7 }, () => trial)], served);
  const delays = effects.flatMap((effect) => (effect.type === 'try' ? [effect.afterMs] : []));
  expect(delays).toEqual([0, 1_000, 2_000, 5_000, 15_000, 60_000, 60_000, 60_000]);
  expect(effects.filter(({ type }) => type === 'withdraw')).toHaveLength(1);
  expect(run([{ type: 'trial-done', model: 'a' }], state).effects).toEqual([{ type: 'serve', model: 'a' }]);
});

test('a refused key withdraws it at once', () => {
  const cause = error('engine-failed', { status: 401 });
  const { effects } = run([{ type: 'request-failed', model: 'a', error: cause }], served);
  expect(effects[0]).toEqual({ type: 'withdraw', model: 'a' });
});

test.each([
  ['an unknown model', error('model-unknown', { status: 404 })],
  ['a forbidden request', error('engine-failed', { status: 403 })],
])('%s is tried at once, and stays while the request may be at fault', (_name, cause) => {
  const suspected = run([{ type: 'request-failed', model: 'a', error: cause }], served);
  expect(suspected.effects).toEqual([{ type: 'try', model: 'a', afterMs: 0 }]);
  expect(suspected.phases).toEqual({ a: 'suspect', b: 'serving' });
  const gone = run([{ type: 'trial-failed', model: 'a', error: cause }], suspected.state);
  expect(gone.effects[0]).toEqual({ type: 'withdraw', model: 'a' });
});

test('a refused connection has the server asked at once', () => {
  const refused: BackendEvent = {
    type: 'request-failed',
    model: 'a',
    error: error('engine-failed', { cause: 'ECONNREFUSED' }),
  };
  expect(run([refused], served).effects).toEqual([{ type: 'list' }]);
});

test('what the provider has given up is tried before it is offered again', () => {
  const { effects } = run([{ type: 'withdrawn', model: 'a', error: error() }], served);
  expect(effects).toEqual([
    { type: 'withdraw', model: 'a' },
    { type: 'try', model: 'a', afterMs: 1_000 },
  ]);
});

test('news of a model that is gone is ignored', () => {
  const gone: BackendEvent = { type: 'trial-done', model: 'gone' };
  expect(reduceBackend(served, gone)).toEqual([served, []]);
});

test('whatever happens, served models are exactly those with a serve and no withdraw since', () => {
  let seed = 1;
  const random = (most: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % most;
  };
  const models = ['a', 'b', 'c'];
  const draw = (): BackendEvent => {
    const model = models[random(3)]!;
    const all: readonly BackendEvent[] = [
      { type: 'listed', models: models.filter(() => random(3) > 0) },
      { type: 'unlisted', error: error('load-failed'), heard: random(2) === 0 },
      { type: 'prepared', model },
      { type: 'request-done', model },
      { type: 'request-failed', model, error: error(random(4) === 0 ? 'model-unknown' : 'engine-failed') },
      { type: 'withdrawn', model, error: error() },
      { type: 'trial-done', model },
      { type: 'trial-failed', model, error: error() },
    ];
    return all[random(all.length)]!;
  };
  for (let round = 0; round < 200; round++) {
    let state = initialBackend;
    const serving = new Set<string>();
    for (let step = 0; step < 60; step++) {
      const [next, effects] = reduceBackend(state, draw());
      state = next;
      for (const effect of effects) {
        if (effect.type === 'serve') {
          expect(serving.has(effect.model)).toBe(false);
          serving.add(effect.model);
        }
        if (effect.type === 'withdraw') expect(serving.delete(effect.model)).toBe(true);
      }
      const shown = [...state.models].flatMap(([name, { phase }]) =>
        phase === 'serving' || phase === 'suspect' ? [name] : [],
      );
      expect(new Set(shown)).toEqual(serving);
    }
  }
});
