import { describe, expect, test } from 'vitest';
import type { Envelope } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';
import { reduceWorker } from './worker.ts';
import { initialWorker, phaseOf, type RunResult, type WorkerEffect, type WorkerEvent } from './worker-spec.ts';

/** A session under the test's hand, opened and followed by one channel. */
function session(files: Extract<WorkerEvent, { type: 'opened' }>['files'] = []) {
  let state = initialWorker;
  let effects: readonly WorkerEffect[] = [];
  const say = (event: WorkerEvent) => {
    [state, effects] = reduceWorker(state, event);
  };
  const session = {
    get state() {
      return state;
    },
    get effects() {
      return effects;
    },
    of: <T extends WorkerEffect['type']>(type: T) =>
      effects.filter((effect): effect is Extract<WorkerEffect, { type: T }> => effect.type === type),
    types: () => effects.map(({ type }) => type),
    say,
    run: () => say({ type: 'placed', place: { position: 0, etaMs: 0 } }),
    part: (tokens = 1) => say({ type: 'part', part: text(tokens) }),
  };
  say({ type: 'opened', files, place: { position: 1, etaMs: 9 }, deadlineMs: 5_000 });
  say({ type: 'followed' });
  return session;
}

const text = (tokens: number): Part => ({ type: 'text-delta', text: 'x', tokens });
const result: RunResult = { reason: 'stop', usage: { tokensIn: 3, tokensOut: 1 }, timings: { ttftMs: 1, decodeMs: 2 } };
const finish = { t: 'finish', reason: 'stop', usage: result.usage, receipt: {} as Envelope } as const;
const error = (code: string) => ({ code, message: 'said' });

test('from open to the frame that closes', () => {
  const worker = session();
  expect(worker.state.phase).toBe('queued');
  worker.say({ type: 'placed', place: { position: 2, etaMs: 20 } });
  expect([worker.types(), phaseOf(worker.state)]).toEqual([['wake'], 'queued']);
  worker.run();
  expect([worker.types(), phaseOf(worker.state)]).toEqual([['wake', 'start-engine'], 'prefill']);
  worker.part();
  expect([worker.types(), phaseOf(worker.state)]).toEqual([['append', 'arm'], 'streaming']);
  worker.say({ type: 'ran', result });
  expect(worker.types()).toEqual(['disarm', 'leave-queue', 'sign-receipt']);
  worker.say({ type: 'signed', frame: finish, result });
  expect(worker.of('append')).toEqual([{ type: 'append', frame: finish }]);
  expect(worker.of('report')).toEqual([{ type: 'report', outcome: { type: 'done', result } }]);
  expect(worker.state).toMatchObject({ phase: 'over', ending: finish });
  for (const late of [{ type: 'left' }, { type: 'stop', error: error('deadline') }, { type: 'ran', result }] as const) {
    worker.say(late);
    expect(worker.effects).toEqual([]);
  }
});

describe('checkpoints', () => {
  test('one is signed behind the part that makes it due, and again after as many tokens', () => {
    const worker = session();
    worker.run();
    worker.part(limits.checkpointTokens - 1);
    expect(worker.types()).toEqual(['append', 'arm']);
    worker.part();
    expect(worker.types()).toEqual(['append', 'sign-checkpoint', 'disarm']);
    worker.part(limits.checkpointTokens);
    expect(worker.types()).toEqual(['append', 'sign-checkpoint', 'disarm']);
  });

  test('the clock brings one for tokens that none speaks for yet, and none for nothing', () => {
    const worker = session();
    worker.run();
    worker.part();
    worker.say({ type: 'timer', timer: 'checkpoint' });
    expect(worker.types()).toEqual(['sign-checkpoint']);
    worker.say({ type: 'timer', timer: 'checkpoint' });
    expect(worker.types()).toEqual([]);
  });
});

describe('stopping', () => {
  test('a job that runs: its engine is stopped once, and what it had delivered is settled', () => {
    const worker = session();
    worker.run();
    worker.part();
    worker.say({ type: 'stop', error: error('cancelled') });
    worker.say({ type: 'stop', error: error('deadline') });
    expect(worker.effects).toEqual([]);
    expect(worker.state.stopped?.code).toBe('cancelled');
    worker.say({ type: 'ran', result: { ...result, reason: 'cancelled' } });
    expect(worker.of('sign-receipt')).toHaveLength(1);
  });

  test.each([
    ['deadline', 'error'],
    ['draining', 'refused'],
  ])('a job that waits and hears "%s" ends with "%s"', (code, t) => {
    const worker = session();
    worker.say({ type: 'stop', error: error(code) });
    expect(worker.state.ending).toMatchObject({ t, code });
    expect(worker.of('report')).toEqual([{ type: 'report', outcome: { type: 'never-begun' } }]);
  });

  test('a job that waits and is cancelled gets a receipt over nothing', () => {
    const worker = session();
    worker.say({ type: 'stop', error: error('cancelled') });
    expect(worker.of('sign-receipt')).toMatchObject([{ result: { reason: 'cancelled', usage: { tokensOut: 0 } } }]);
  });

  test('the last channel that leaves stops it, one of two does not', () => {
    const worker = session();
    worker.say({ type: 'followed' });
    worker.run();
    worker.say({ type: 'left' });
    expect(worker.effects).toEqual([]);
    worker.say({ type: 'left' });
    expect(worker.of('stop-engine')).toMatchObject([{ error: { code: 'peer-lost' } }]);
  });
});

test('a queue without room is a refusal that says how long to wait; an engine’s own words stay here', () => {
  const full = session();
  full.say({ type: 'dismissed', error: { code: 'busy', message: 'full', details: { retryAfterMs: 12.4 } } });
  expect(full.state.ending).toEqual({ t: 'refused', code: 'busy', message: 'full', retryAfterMs: 12 });
  const broken = session();
  broken.run();
  broken.say({ type: 'failed', error: { code: 'driver-trouble', message: 'secret' } });
  expect(broken.state.ending).toMatchObject({ t: 'error', code: 'internal' });
  expect(JSON.stringify(broken.state.ending)).not.toContain('secret');
});

describe('files', () => {
  const files = [
    { mime: 'image/png', sha256: 'a'.repeat(64), sizeBytes: 10 },
    { mime: 'image/png', sha256: 'b'.repeat(64), sizeBytes: 4 },
  ];
  const file = (name: 'a' | 'b', sizeBytes: number, intact = false): WorkerEvent => ({
    type: 'file',
    sha256: name.repeat(64),
    sizeBytes,
    intact,
  });

  test('the job waits for all of them, in their order', () => {
    const worker = session(files);
    expect(worker.state.phase).toBe('files');
    worker.say(file('a', 6));
    worker.say(file('a', 4, true));
    expect(worker.state.phase).toBe('files');
    worker.say(file('b', 4, true));
    expect(worker.types()).toEqual(['disarm', 'enter-queue']);
  });

  test.each([
    ['another than the next', file('b', 1)],
    ['more than was named', file('a', 11)],
    ['not what was named', file('a', 10, false)],
  ])('%s ends the job before any work', (_name, event) => {
    const worker = session(files);
    worker.say(event);
    expect(worker.state.ending).toMatchObject({ t: 'refused', code: 'bad-frame' });
  });

  test('files that do not come in time end it too', () => {
    const worker = session(files);
    worker.say({ type: 'timer', timer: 'files' });
    expect(worker.state.ending).toMatchObject({ t: 'error', code: 'deadline' });
  });
});
