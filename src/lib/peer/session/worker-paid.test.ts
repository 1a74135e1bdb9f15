import { expect, test } from 'vitest';
import type { Envelope } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';
import {
  initialWorker,
  isAdmitted,
  isHeld,
  phaseOf,
  type RunResult,
  type WorkerEffect,
  type WorkerEvent,
} from './worker-spec.ts';
import { reduceWorker } from './worker.ts';

const price = { in: '1000000', out: '1000000' };
const file = { mime: 'image/png', sha256: 'a', sizeBytes: 1 };

/** A paid session under the test's hand, followed by one channel. */
function session({ tokensIn = 10, budget = 1_000n, files = [] as (typeof file)[] } = {}) {
  let state = initialWorker;
  let effects: readonly WorkerEffect[] = [];
  const say = (event: WorkerEvent) => {
    [state, effects] = reduceWorker(state, event);
  };
  say({
    type: 'opened',
    files,
    place: { position: 1, etaMs: 9 },
    deadlineMs: 5_000,
    charge: { price, budget, tokensIn },
  });
  const opening = effects;
  say({ type: 'followed' });
  const worker = {
    get state() {
      return state;
    },
    opening,
    types: () => effects.map(({ type }) => type),
    of: <T extends WorkerEffect['type']>(type: T) =>
      effects.filter((effect): effect is Extract<WorkerEffect, { type: T }> => effect.type === type),
    say,
    admit: () => say({ type: 'admitted', paid: 0n }),
    slot: () => say({ type: 'placed', place: { position: 0, etaMs: 0 } }),
    pay: (paid: bigint) => say({ type: 'paid', paid }),
    part: (tokens = 1) => say({ type: 'part', part: text(tokens) }),
    /** To the first token, with the input paid. */
    run() {
      worker.admit();
      worker.slot();
      worker.pay(BigInt(tokensIn));
      return worker;
    },
  };
  return worker;
}

const text = (tokens: number): Part => ({ type: 'text-delta', text: 'x', tokens });
const ran = (reason: RunResult['reason'] = 'stop', tokensIn = 10): RunResult => ({
  reason,
  usage: { tokensIn, tokensOut: 0 },
  timings: { ttftMs: 1, decodeMs: 2 },
});
const error = (code: string) => ({ code, message: 'said' });
const unpaidIn = (ms: number) => ({ type: 'arm', timer: 'unpaid', ms });

test('a paid job is admitted before it is queued, and not accepted before', () => {
  const worker = session();
  expect(worker.opening.map(({ type }) => type)).toEqual(['arm', 'open-till']);
  expect([worker.state.phase, isAdmitted(worker.state)]).toEqual(['admitting', false]);
  worker.admit();
  expect([worker.state.phase, isAdmitted(worker.state)]).toEqual(['queued', true]);
  expect(worker.types()).toEqual(['wake', 'enter-queue']);
});

test('a till that refuses the channel refuses the job, without any work', () => {
  const worker = session();
  worker.say({ type: 'unpayable', error: error('channel-missing') });
  expect(worker.state.ending).toMatchObject({ t: 'refused', code: 'payment-refused', message: 'said' });
  expect(worker.of('report')).toEqual([{ type: 'report', outcome: { type: 'never-begun' } }]);
});

test('files and the till are waited for at once, in either order', () => {
  const intact = { type: 'file', sha256: 'a', sizeBytes: 1, intact: true } as const;
  const first = session({ files: [file] });
  first.say(intact);
  expect(first.state.phase).toBe('admitting');
  first.admit();
  expect(first.types()).toEqual(['wake', 'enter-queue']);
  const second = session({ files: [file] });
  second.admit();
  expect(second.state.phase).toBe('files');
  second.say(intact);
  expect(second.types()).toEqual(['disarm', 'enter-queue']);
});

test('with its slot the input is paid in steps, and the engine starts after the last one', () => {
  const worker = session({ tokensIn: 3_000, budget: 10_000n });
  worker.admit();
  worker.slot();
  expect([worker.state.phase, phaseOf(worker.state), worker.state.account?.due]).toEqual(['input', 'starved', 2_048n]);
  expect(worker.of('arm')).toEqual([unpaidIn(limits.unpaidTimeoutMs)]);
  const { place } = worker.state;
  worker.pay(2_048n);
  expect(worker.state.account?.due).toBe(3_000n);
  // A place of its own, so that `accepted` is sent again.
  expect(worker.state.place).not.toBe(place);
  worker.pay(2_900n);
  expect(worker.types()).toEqual([]);
  worker.pay(3_000n);
  expect(worker.types()).toEqual(['disarm', 'wake', 'start-engine']);
  expect(worker.state.phase).toBe('running');
});

test('input that is not paid in time ends the job with a receipt, and frees the slot', () => {
  const worker = session();
  worker.admit();
  worker.slot();
  worker.say({ type: 'timer', timer: 'unpaid' });
  expect(worker.types()).toEqual(['disarm', 'disarm', 'leave-queue', 'sign-receipt']);
  expect(worker.of('sign-receipt')[0]?.result).toMatchObject({
    reason: 'unpaid',
    usage: { tokensIn: 0, tokensOut: 0 },
  });
});

test('a chunk may be unpaid: then the engine waits, says so, and goes on once it is paid', () => {
  const worker = session().run();
  worker.part(32);
  expect(worker.types()).toEqual(['append', 'sign-checkpoint', 'disarm']);
  expect(worker.state.account?.due).toBe(42n);
  worker.part(31);
  expect(isHeld(worker.state)).toBe(false);
  worker.part();
  expect(worker.types()).toEqual(['append', 'sign-checkpoint', 'disarm', 'arm', 'wake']);
  expect([isHeld(worker.state), phaseOf(worker.state)]).toEqual([true, 'starved']);
  worker.pay(42n);
  expect(worker.types()).toEqual(['disarm', 'wake']);
  expect([isHeld(worker.state), phaseOf(worker.state)]).toEqual([false, 'streaming']);
});

test('paid at once, a worker asks every 56 tokens; a payment that is late makes it ask sooner', () => {
  const worker = session({ budget: 10_000n }).run();
  const asked: number[] = [];
  const due = () => worker.pay(worker.state.account!.due);
  for (let tokens = 1; tokens <= 300; tokens++) {
    worker.part();
    if (!worker.types().includes('sign-checkpoint')) continue;
    asked.push(tokens);
    due();
  }
  expect(asked).toEqual([32, 80, 136, 192, 248]);
  while (!isHeld(worker.state)) worker.part();
  expect(worker.state.tokensOut - 248).toBe(64);
  due();
  expect(isHeld(worker.state)).toBe(false);
  asked.length = 0;
  for (let tokens = 1; tokens <= 48; tokens++) {
    worker.part();
    if (worker.types().includes('sign-checkpoint')) asked.push(worker.state.tokensOut);
  }
  expect(asked).toEqual([304 + 48]);
});

test('time brings what is due too, for an engine that is slow', () => {
  const worker = session().run();
  worker.part(3);
  expect(worker.of('arm')).toEqual([{ type: 'arm', timer: 'checkpoint', ms: limits.checkpointIntervalMs }]);
  worker.say({ type: 'timer', timer: 'checkpoint' });
  expect([worker.types(), worker.state.account?.due]).toEqual([['sign-checkpoint'], 13n]);
});

test('a chunk that stays unpaid ends the job with a receipt for what was paid', () => {
  const worker = session().run();
  worker.part(64);
  worker.say({ type: 'timer', timer: 'unpaid' });
  expect(worker.of('stop-engine')[0]?.error.code).toBe('unpaid');
  worker.say({ type: 'ran', result: ran('unpaid', 0) });
  expect(worker.of('sign-receipt')[0]?.result).toMatchObject({
    reason: 'unpaid',
    usage: { tokensIn: 10, tokensOut: 64 },
  });
  expect(worker.state.account?.paid).toBe(10n);
});

test('every code of the till ends the job, is named in a warning, and keeps what was delivered', () => {
  for (const code of ['withdrawal-pending', 'overdrawn', 'store-conflict', 'bad-signature', 'chain-unavailable']) {
    const worker = session().run();
    worker.part(5);
    worker.say({ type: 'unpayable', error: error(code) });
    expect(worker.of('append')[0]?.frame).toMatchObject({ t: 'part', part: { type: 'warning', code } });
    expect(worker.of('stop-engine')[0]?.error.code).toBe('unpaid');
    worker.say({ type: 'ran', result: ran('unpaid', 0) });
    expect(worker.of('sign-receipt')[0]?.result.usage.tokensOut).toBe(5);
  }
});

test('the last tokens are paid before the receipt, with the slot free by then', () => {
  const worker = session().run();
  worker.part(5);
  worker.say({ type: 'ran', result: ran() });
  expect(worker.types()).toEqual(['disarm', 'leave-queue', 'sign-checkpoint', 'arm', 'wake']);
  expect([worker.state.phase, worker.state.account?.due]).toEqual(['collecting', 15n]);
  worker.pay(14n);
  expect(worker.state.phase).toBe('collecting');
  worker.pay(15n);
  expect(worker.of('sign-receipt')[0]?.result).toMatchObject({ reason: 'stop', usage: { tokensIn: 10, tokensOut: 5 } });
  const frame = { t: 'finish', reason: 'stop', usage: ran().usage, receipt: {} as Envelope } as const;
  worker.say({ type: 'signed', frame, result: ran() });
  expect(worker.state.ending).toBe(frame);
});

test('of two counts of the input the smaller is billed', () => {
  const worker = session().run();
  worker.part(5);
  worker.say({ type: 'ran', result: ran('stop', 7) });
  expect(worker.state.account?.due).toBe(12n);
});

test('a last payment that does not come makes the answer unpaid; one that is paid already is waited for by nobody', () => {
  const worker = session().run();
  worker.part(5);
  worker.say({ type: 'ran', result: ran() });
  worker.say({ type: 'timer', timer: 'unpaid' });
  expect(worker.of('sign-receipt')[0]?.result.reason).toBe('unpaid');
  const free = session().run();
  free.say({ type: 'ran', result: ran() });
  expect(free.types()).toEqual(['disarm', 'disarm', 'leave-queue', 'sign-receipt']);
});

test('an asker whose channel is lost while the last payment is out may come back and pay', () => {
  const worker = session().run();
  worker.part(5);
  worker.say({ type: 'ran', result: ran() });
  worker.say({ type: 'left' });
  expect([worker.types(), worker.state.phase]).toEqual([[], 'collecting']);
  worker.say({ type: 'followed' });
  worker.pay(15n);
  expect(worker.state.phase).toBe('signing');
});

test('an asker that leaves with its slot unpaid, or in the middle, has left', () => {
  const waiting = session();
  waiting.admit();
  waiting.slot();
  waiting.say({ type: 'left' });
  expect(waiting.of('sign-receipt')[0]?.result.reason).toBe('cancelled');
  const running = session().run();
  running.part(5);
  running.say({ type: 'left' });
  running.say({ type: 'ran', result: ran('cancelled', 0) });
  expect(running.of('sign-receipt')[0]?.result.reason).toBe('cancelled');
});

test('cancelled: what was delivered is asked for, for a moment', () => {
  const worker = session().run();
  worker.part(5);
  worker.say({ type: 'stop', error: error('cancelled') });
  worker.say({ type: 'ran', result: ran('cancelled', 0) });
  expect(worker.of('arm')).toEqual([unpaidIn(limits.unpaidAfterCancelMs)]);
  worker.say({ type: 'timer', timer: 'unpaid' });
  expect(worker.of('sign-receipt')[0]?.result.reason).toBe('cancelled');
});

test('the budget ends the answer before the part that would pass it', () => {
  const worker = session({ budget: 16n }).run();
  worker.part(6);
  worker.part();
  expect(worker.types()).toEqual(['stop-engine']);
  expect(worker.state.tokensOut).toBe(6);
  worker.part();
  expect(worker.types()).toEqual([]);
  worker.say({ type: 'ran', result: ran('budget', 0) });
  expect(worker.state.account?.due).toBe(16n);
  worker.pay(16n);
  expect(worker.of('sign-receipt')[0]?.result).toMatchObject({ reason: 'budget', usage: { tokensOut: 6 } });
});

test('the deadline of a job whose input is unpaid ends it with a receipt, not with an error', () => {
  const worker = session();
  worker.admit();
  worker.slot();
  worker.say({ type: 'timer', timer: 'deadline' });
  expect(worker.of('sign-receipt')[0]?.result.reason).toBe('unpaid');
});

test('payments that come twice, late or after the end change nothing', () => {
  const worker = session().run();
  worker.part(5);
  worker.pay(10n);
  worker.pay(3n);
  expect([worker.types(), worker.state.account?.paid]).toEqual([[], 10n]);
  worker.say({ type: 'failed', error: error('engine-failed') });
  expect(worker.state.ending).toMatchObject({ t: 'error', code: 'engine-failed' });
  worker.pay(15n);
  worker.say({ type: 'unpayable', error: error('overdrawn') });
  expect(worker.types()).toEqual([]);
});

test('a free job knows nothing of money', () => {
  let [state] = reduceWorker(initialWorker, {
    type: 'opened',
    files: [],
    place: { position: 0, etaMs: 0 },
    deadlineMs: 1,
  });
  const before = state;
  for (const event of [
    { type: 'paid', paid: 5n },
    { type: 'admitted', paid: 5n },
  ] as const)
    [state] = reduceWorker(state, event);
  expect(state).toBe(before);
});
