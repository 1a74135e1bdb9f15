import { describe, expect, test } from 'vitest';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { UnknownFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { jobFixture } from '#lib/protocol/protocol.fixture.ts';
import { initialAsker, reduceAsker } from './asker.ts';
import type { AskerEffect, AskerEvent, AskerState, ChosenWorker, Doubt } from './asker-spec.ts';
import type { WorkerView } from '../spec.ts';

const envelope = {} as Envelope;
const job = jobFixture as Job;
const workerOf = (peer: string): WorkerView => ({
  peer,
  self: false,
  role: 'tab',
  engine: { name: 'scripted', build: '1', deviceClass: 'test' },
  model: 'm',
  artefact: 'a',
  tier: 'open',
});
const holds = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };

/** A session under the test's hand: `say` gives it an event, the effects of the last one are kept. */
function session(parts: readonly string[] = ['text-delta', 'embedding']) {
  let state: AskerState = initialAsker;
  let effects: readonly AskerEffect[] = [];
  const say = (event: AskerEvent) => {
    [state, effects] = reduceAsker(state, event, 60_000);
  };
  const frame = (frame: WorkerFrame | UnknownFrame, attempt = state.attempt, late = false) =>
    say({ type: 'frame', at: 5, attempt, frame, late });
  const choose = (peer: string, doubt?: Doubt, asked = job, waits: Partial<ChosenWorker> = {}) =>
    say({
      type: 'chosen',
      at: 1,
      job: asked,
      worker: workerOf(peer),
      firstPartTimeoutMs: 20_000,
      stallTimeoutMs: 4_000,
      doubt,
      parts,
      dataBytesMax: 10,
      wasStopped: false,
      ...waits,
    });
  const open = (peer = 'A', doubt?: Doubt, waits: Partial<ChosenWorker> = {}) => {
    if (state.attempt === 0) say({ type: 'start', at: 0 });
    choose(peer, doubt, job, waits);
    say({ type: 'opened', at: 2, attempt: state.attempt, path: 'direct' });
  };
  const stream = (peer?: string) => {
    open(peer);
    frame({ t: 'accepted', position: 0, etaMs: 0 });
    frame(part('x'));
  };
  return {
    get state() {
      return state;
    },
    get effects() {
      return effects;
    },
    of: <T extends AskerEffect['type']>(type: T) =>
      effects.filter((effect): effect is Extract<AskerEffect, { type: T }> => effect.type === type),
    armed: () => effects.flatMap((effect) => (effect.type === 'arm' ? [effect.timer] : [])),
    say,
    frame,
    choose,
    open,
    stream,
  };
}

const part = (text: string, tokens = 1): WorkerFrame => ({ t: 'part', part: { type: 'text-delta', text, tokens } });
const finish = { t: 'finish', reason: 'stop', usage: { tokensIn: 3, tokensOut: 1 }, receipt: envelope } as const;

describe('the way of a job', () => {
  test('from the wish to the last frame', () => {
    const asker = session();
    asker.say({ type: 'start', at: 0 });
    expect(asker.of('choose')).toEqual([{ type: 'choose', attempt: 1, tried: [], errors: [] }]);
    expect(asker.of('arm')).toEqual([{ type: 'arm', timer: 'deadline', ms: 61_000 }]);
    asker.choose('A');
    expect(asker.of('open')).toHaveLength(1);
    expect(asker.armed()).toEqual(['open']);
    asker.say({ type: 'opened', at: 2, attempt: 1, path: 'direct' });
    expect(asker.armed()).toEqual(['accept', 'successor']);
    asker.frame({ t: 'accepted', position: 2, etaMs: 90 });
    expect(asker.armed()).toEqual(['silence']);
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    expect(asker.armed()).toEqual(['silence', 'first-word']);
    asker.frame(part('x'));
    expect(asker.of('disarm')).toEqual([
      { type: 'disarm', timer: 'first-word' },
      { type: 'disarm', timer: 'queue' },
    ]);
    expect(asker.of('add-output')).toHaveLength(1);
    asker.frame(finish);
    expect(asker.of('settle')).toEqual([{ type: 'settle', attempt: 1, frame: finish }]);
    const settlement = {
      usage: finish.usage,
      receipt: { receipt: envelope, countersign: envelope },
      receiptCheck: holds,
    };
    asker.say({ type: 'settled', at: 6, attempt: 1, frame: finish, settlement });
    expect(asker.of('close')).toEqual([{ type: 'close', attempt: 1, last: { t: 'countersign', envelope } }]);
    expect(asker.of('record').map(({ end }) => end.type)).toEqual(['finished']);
    expect(asker.state).toMatchObject({ step: 'over', job: { phase: 'finished', text: 'x', usage: finish.usage } });
    expect(asker.effects.at(-1)).toEqual({ type: 'end' });
  });

  test('a checkpoint that holds belongs to its attempt; one that does not is a breach', () => {
    const asker = session();
    asker.stream();
    asker.frame({ t: 'checkpoint', envelope });
    expect(asker.of('check')).toEqual([{ type: 'check', attempt: 1, envelope }]);
    const checkpoint = { envelope, tokensOut: 1 };
    asker.say({ type: 'checked', at: 6, attempt: 1, checkpoint });
    expect(asker.state.job.attempts).toMatchObject([{ checkpoint }]);
    asker.say({ type: 'checked', at: 6, attempt: 1, checkpoint: undefined });
    expect(asker.of('drop')).toEqual([{ type: 'drop', attempt: 1, code: 'bad-frame' }]);
    expect(asker.of('record')).toMatchObject([{ end: { type: 'lost', error: { code: 'bad-frame' } } }]);
  });

  test('what is not known is skipped, and still breaks a silence', () => {
    const asker = session();
    asker.stream();
    const before = asker.state.job;
    asker.frame({ t: 'unknown', word: 'applause' });
    expect(asker.state.job).toBe(before);
    expect(asker.armed()).toEqual(['silence']);
  });

  test.each(['silence', 'first-word', 'accept'] as const)(
    'a worker whose %s timer fires before its first word is passed over',
    (timer) => {
      const asker = session();
      asker.open();
      asker.say({ type: 'timer', timer, at: 9 });
      expect(asker.of('record').map(({ end }) => end.type)).toEqual(['lost']);
      expect(asker.of('choose')).toMatchObject([{ attempt: 2, tried: ['A'] }]);
    },
  );
});

describe('the successor of a worker', () => {
  const resume = { text: 'x', tokens: 1 };

  test('is prepared for after a while, and as soon as the worker is in doubt, with what was delivered by then', () => {
    const asker = session();
    asker.stream();
    asker.say({ type: 'timer', timer: 'successor', at: 9 });
    expect(asker.effects).toEqual([{ type: 'prepare', tried: ['A'], resume }]);
    asker.say({ type: 'prepared', at: 10, worker: 'B' });
    expect(asker.state.successor).toBe('B');
    asker.say({ type: 'doubted', at: 11, attempt: 1 });
    expect(asker.effects).toEqual([{ type: 'prepare', tried: ['A'], resume }]);
  });

  test('is not wanted by an answer that ends, is stopped, or has another worker by then', () => {
    const asker = session();
    asker.stream();
    asker.frame(finish);
    expect(asker.of('disarm')).toContainEqual({ type: 'disarm', timer: 'successor' });
    asker.say({ type: 'doubted', at: 6, attempt: 1 });
    expect(asker.effects).toEqual([]);
    const stopped = session();
    stopped.stream();
    stopped.say({ type: 'stop', at: 6 });
    stopped.say({ type: 'doubted', at: 7, attempt: 1 });
    expect(stopped.effects).toEqual([]);
    const gone = session();
    gone.stream();
    gone.say({ type: 'lost', at: 6, attempt: 1, error: { code: 'peer-lost', message: '' } });
    gone.say({ type: 'doubted', at: 7, attempt: 1 });
    expect(gone.effects).toEqual([]);
  });
});

describe('A1: a breach in a worker’s bytes is a loss of that worker', () => {
  test('before its first word the next one is asked', () => {
    const asker = session();
    asker.open();
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.say({ type: 'lost', at: 5, attempt: 1, error: { code: 'bad-frame', message: '' } });
    expect(asker.of('record')).toMatchObject([
      { worker: { peer: 'A' }, end: { type: 'lost', error: { code: 'bad-frame' } } },
    ]);
    expect(asker.of('choose')).toMatchObject([{ attempt: 2 }]);
    expect(asker.state.job.phase).toBe('routing');
  });

  test('a job that does not fit a frame is the request’s own fault, and nobody is blamed', () => {
    const asker = session();
    asker.say({ type: 'start', at: 0 });
    asker.choose('A');
    asker.say({ type: 'unopened', at: 2, attempt: 1, error: { code: 'frame-too-large', message: '' }, fault: 'own' });
    expect(asker.state.job).toMatchObject({ phase: 'failed', error: { code: 'frame-too-large' } });
    expect(asker.of('record').map(({ end }) => end.type)).toEqual(['failed']);
  });
});

describe('what a kind of work may be answered with', () => {
  test.each<[string, WorkerFrame]>([
    ['a part of another kind', { t: 'part', part: { type: 'reasoning-delta', text: 'hm', tokens: 1 } }],
    [
      'more bytes than the kind allows',
      { t: 'part', part: { type: 'embedding', index: 0, vector: new Uint8Array(12) } },
    ],
  ])('%s is a breach', (_name, frame) => {
    const asker = session();
    asker.stream();
    asker.frame(frame);
    expect(asker.of('drop')).toEqual([{ type: 'drop', attempt: 1, code: 'bad-frame' }]);
  });

  test('frames that are not known are passed over, but not for ever', () => {
    const asker = session();
    asker.stream();
    for (let i = 0; i < limits.unknownFramesMax; i++) asker.frame({ t: 'unknown', word: 'applause' });
    expect(asker.state.step).toBe('open');
    asker.frame({ t: 'unknown', word: 'applause' });
    expect(asker.of('drop')).toEqual([{ type: 'drop', attempt: 1, code: 'bad-frame' }]);
  });
});

describe('A7: who is not to blame', () => {
  test('the asker’s own deadline fails the job and says nothing against the worker', () => {
    const asker = session();
    asker.stream();
    asker.say({ type: 'timer', timer: 'deadline', at: 9 });
    expect(asker.of('record').map(({ end }) => end.type)).toEqual(['failed']);
    expect(asker.state.job).toMatchObject({ phase: 'failed', error: { code: 'deadline' } });
  });

  test('a backend that is busy after all is a refusal, with its waiting time', () => {
    const asker = session();
    asker.open();
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame({ t: 'error', code: 'busy', message: '', retryAfterMs: 7_000 });
    expect(asker.of('record')).toMatchObject([
      { end: { type: 'refused', claim: 'none', error: { code: 'busy', details: { retryAfterMs: 7_000 } } } },
    ]);
  });

  test('who calls the request wrong is judged by how the job ends', () => {
    const asker = session();
    asker.open('A');
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame({ t: 'error', code: 'bad-request', message: '' });
    expect(asker.of('record')).toEqual([]);
    expect(asker.of('choose')).toHaveLength(1);
    asker.stream('B');
    asker.frame(finish);
    const settlement = { usage: finish.usage, receipt: { receipt: envelope }, receiptCheck: holds };
    asker.say({ type: 'settled', at: 6, attempt: 2, frame: finish, settlement });
    expect(asker.of('record').map(({ worker, end }) => [worker.peer, end.type])).toEqual([
      ['B', 'finished'],
      ['A', 'lost'],
    ]);
  });

  test('where nobody does the job, nobody who said so is blamed', () => {
    const asker = session();
    asker.open('A');
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame({ t: 'error', code: 'bad-request', message: '' });
    asker.say({ type: 'nobody', at: 7, error: { code: 'bad-request', message: '' }, rejections: [] });
    expect(asker.of('record').map(({ end }) => end.type)).toEqual(['refused']);
  });
});

describe('A9: a reader that falls behind', () => {
  test('disarms what listens for silence, and arms it again when it reads on', () => {
    const asker = session();
    asker.stream();
    asker.say({ type: 'paused', at: 6 });
    expect(asker.of('disarm').map(({ timer }) => timer)).toEqual(['silence', 'first-word', 'stall']);
    asker.frame(part('y'));
    expect(asker.armed()).toEqual([]);
    asker.say({ type: 'resumed', at: 7 });
    expect(asker.armed()).toEqual(['silence', 'stall']);
  });
});

describe('an answer that goes on elsewhere', () => {
  test('goes on with what was delivered, by its ids where every token has one', () => {
    const asker = session();
    asker.open();
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame({ t: 'part', part: { type: 'text-delta', text: 'a', tokens: 1, ids: [7] } });
    asker.frame({ t: 'part', part: { type: 'text-delta', text: 'b', tokens: 2, ids: [8, 9] } });
    asker.say({ type: 'lost', at: 9, attempt: 1, error: { code: 'peer-lost', message: '' } });
    expect(asker.of('choose')).toMatchObject([
      { attempt: 2, tried: ['A'], resume: { text: 'ab', tokens: 3, ids: [7, 8, 9] } },
    ]);
    asker.open('B');
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame(part('c'));
    asker.say({ type: 'lost', at: 9, attempt: 2, error: { code: 'peer-lost', message: '' } });
    expect(asker.of('choose')).toMatchObject([{ attempt: 3, resume: { text: 'abc', tokens: 4 } }]);
    expect(asker.of('choose')[0]?.resume).not.toHaveProperty('ids');
    expect(asker.state.job.attempts).toMatchObject([
      { outcome: 'lost', fromCharacter: 0, toCharacter: 2, fromToken: 0, toToken: 3 },
      { outcome: 'lost', fromCharacter: 2, toCharacter: 3, fromToken: 3, toToken: 4 },
    ]);
  });

  test('fails with a code where a worker could not be told what was delivered', () => {
    const asker = session();
    asker.stream();
    asker.frame({ t: 'part', part: { type: 'embedding', index: 0, vector: new Uint8Array(4) } });
    asker.say({ type: 'lost', at: 9, attempt: 1, error: { code: 'peer-lost', message: '' } });
    expect(asker.state.job).toMatchObject({
      phase: 'failed',
      error: { code: 'resume-unsupported', details: { lost: 'peer-lost' } },
    });
  });

  test('a worker that cannot go on is passed over, and not blamed', () => {
    const asker = session();
    asker.stream();
    asker.say({ type: 'lost', at: 9, attempt: 1, error: { code: 'peer-lost', message: '' } });
    asker.choose('B', undefined, { ...job, resume: { text: 'x', tokens: 1 } });
    asker.say({ type: 'opened', at: 2, attempt: 2, path: 'direct' });
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame({ t: 'error', code: 'resume-unsupported', message: '' });
    expect(asker.of('record')).toMatchObject([{ end: { type: 'refused', claim: 'none' } }]);
    expect(asker.of('choose')).toMatchObject([{ attempt: 3, tried: ['A', 'B'], resume: { text: 'x' } }]);
  });

  test('what a worker sent before it was given up on is no breach', () => {
    const asker = session();
    asker.stream();
    asker.say({ type: 'timer', timer: 'stall', at: 9 });
    asker.frame(part('late'), 1);
    expect(asker.effects).toEqual([]);
    asker.choose('B');
    asker.frame(part('later'), 1);
    expect(asker.effects).toEqual([]);
    expect(asker.state.job.text).toBe('x');
  });

  test('in the middle of a call that call is not announced again', () => {
    const asker = session(['tool-call-delta']);
    const call = (arguments_: string, tokens: number): WorkerFrame => ({
      t: 'part',
      part: {
        type: 'tool-call-delta',
        index: 0,
        id: 'c',
        name: 'f',
        arguments: arguments_,
        tokens,
        ids: tokens ? [5] : [],
      },
    });
    asker.open();
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame(call('{"a', 1));
    asker.say({ type: 'lost', at: 9, attempt: 1, error: { code: 'peer-lost', message: '' } });
    asker.open('B');
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame(call('":1}', 1));
    const told = asker.of('tell').flatMap(({ event }) => (event.type === 'part-received' ? [event.part] : []));
    expect(told).toEqual([{ type: 'tool-call-delta', index: 0, arguments: '":1}', tokens: 1, ids: [5] }]);
    expect(asker.state.job.output.toolCalls).toEqual([{ id: 'c', name: 'f', arguments: '{"a":1}' }]);
  });
});

describe('a worker that is alive and says nothing', () => {
  const phases = [undefined, 'queued', 'loading', 'prefill', 'thinking', 'streaming'] as const;
  const alive = (asker: ReturnType<typeof session>) => {
    for (const phase of phases) {
      asker.frame({ t: 'alive', phase });
      expect(asker.armed()).toEqual(['silence']);
      expect(asker.of('disarm')).toEqual([]);
    }
  };

  test('and has not taken the job is waited for no longer than one that says nothing at all', () => {
    const asker = session();
    asker.open();
    for (const phase of phases) {
      asker.frame({ t: 'alive', phase });
      asker.frame({ t: 'unknown', word: 'applause' });
      expect(asker.effects).toEqual([]);
    }
    asker.say({ type: 'timer', timer: 'accept', at: 9 });
    expect(asker.of('record')).toMatchObject([{ end: { type: 'lost', error: { details: { reason: 'unanswered' } } } }]);
  });

  test.each([
    [20_000, 20_000],
    [3_000_000, 120_000],
  ])('before its first word: expected within %i ms, it is waited for %i ms in any phase', (firstPartTimeoutMs, ms) => {
    const asker = session();
    asker.open('A', undefined, { firstPartTimeoutMs });
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    expect(asker.of('arm')).toContainEqual({ type: 'arm', timer: 'first-word', ms });
    alive(asker);
    // A part without content is no word.
    asker.frame({ t: 'part', part: { type: 'warning', code: 'parameter-ignored', message: '' } });
    expect(asker.armed()).toEqual(['silence']);
    asker.say({ type: 'timer', timer: 'first-word', at: 9 });
    expect(asker.of('record')).toMatchObject([{ end: { type: 'lost', error: { details: { reason: 'wordless' } } } }]);
    expect(asker.of('choose')).toMatchObject([{ tried: ['A'] }]);
  });

  test.each([
    [7_000, 7_000],
    [3_000_000, 120_000],
  ])('after one word: where its rate explains %i ms, it is waited for %i ms', (stallTimeoutMs, ms) => {
    const asker = session();
    asker.open('A', undefined, { stallTimeoutMs });
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    asker.frame(part('x'));
    expect(asker.of('arm')).toContainEqual({ type: 'arm', timer: 'stall', ms });
    for (const phase of [undefined, 'queued', 'streaming'] as const) {
      asker.frame({ t: 'alive', phase });
      expect(asker.armed()).toEqual(['silence']);
    }
    asker.say({ type: 'timer', timer: 'stall', at: 9 });
    expect(asker.of('choose')).toMatchObject([{ tried: ['A'], resume: { text: 'x', tokens: 1 } }]);
  });
});

describe('a worker that stops in the middle', () => {
  test('is given up on though it is alive, unless it is at work on what it cannot show', () => {
    const asker = session();
    asker.stream();
    expect(asker.armed()).toEqual(['silence', 'stall']);
    asker.frame({ t: 'alive', phase: 'streaming' });
    expect(asker.armed()).toEqual(['silence']);
    asker.say({ type: 'frame', at: 3_005, attempt: 1, frame: { t: 'alive', phase: 'thinking' }, late: false });
    expect(asker.of('arm').at(-1)).toEqual({ type: 'arm', timer: 'stall', ms: 17_000 });
    asker.frame({ t: 'alive', phase: 'loading' });
    expect(asker.armed()).toEqual(['silence']);
    asker.say({ type: 'timer', timer: 'stall', at: 30_000 });
    expect(asker.of('record')).toMatchObject([{ end: { type: 'lost', error: { details: { reason: 'halted' } } } }]);
  });
});

describe('A14: frames after the one that closes', () => {
  test('while its receipt is checked they are a breach, and the job is lost', () => {
    const asker = session();
    asker.stream();
    asker.frame(finish);
    asker.frame(part('more'));
    expect(asker.of('drop')).toEqual([{ type: 'drop', attempt: 1, code: 'bad-frame' }]);
    expect(asker.of('record').map(({ end }) => end.type)).toEqual(['lost']);
  });

  test.each(['refused', 'error'] as const)(
    'after "%s" they are held against that worker, not against the next one',
    (t) => {
      const asker = session();
      asker.open('A');
      asker.frame({ t, code: 'busy', message: '' });
      asker.open('B');
      asker.frame(part('late'), 1);
      expect(asker.of('drop')).toEqual([{ type: 'drop', attempt: 1, code: 'bad-frame' }]);
      expect(asker.of('record')).toMatchObject([{ worker: { peer: 'A' }, end: { type: 'lost' } }]);
      expect(asker.state).toMatchObject({ step: 'open', attempt: 2, job: { text: '' } });
    },
  );
});

describe('stopping', () => {
  test('in the middle, the worker is told and may settle', () => {
    const asker = session();
    asker.stream();
    asker.say({ type: 'stop', at: 8 });
    expect(asker.of('send')).toEqual([{ type: 'send', attempt: 1, frame: { t: 'cancel', jobId: job.id } }]);
    expect(asker.armed()).toEqual(['settle']);
    asker.say({ type: 'timer', timer: 'settle', at: 9 + limits.settleTimeoutMs });
    expect(asker.state.job.phase).toBe('cancelled');
    expect(asker.of('record').map(({ end }) => end.type)).toEqual(['cancelled']);
  });

  test('a worker that calls an answer stopped that nobody has stopped is cut off', () => {
    const asker = session();
    asker.stream();
    asker.frame({ ...finish, reason: 'cancelled' });
    expect(asker.of('drop')).toEqual([{ type: 'drop', attempt: 1, code: 'bad-frame' }]);
  });

  test('while a worker is looked for, there is nobody to tell', () => {
    const asker = session();
    asker.say({ type: 'start', at: 0 });
    asker.say({ type: 'stop', at: 1 });
    expect(asker.effects.map(({ type }) => type)).toEqual(['tell', 'end']);
    asker.choose('A');
    expect(asker.effects).toEqual([]);
    expect(asker.state.job.phase).toBe('cancelled');
  });
});

describe('where others could do the job', () => {
  const doubt: Doubt = { queueMsMax: 15_000, empty: 'ask-another' };
  const settled = (asker: ReturnType<typeof session>) => {
    const { attempt } = asker.state;
    asker.frame(finish);
    const receipt = { receipt: envelope };
    const settlement = { usage: finish.usage, receipt, receiptCheck: holds };
    asker.say({ type: 'settled', at: 6, attempt, frame: finish, settlement });
  };

  test.each([
    [0, 6_000],
    [5_000, 10_000],
    [1e9, 15_000],
  ])('A15: a queue of %i ms is waited for %i ms, however often its place is told', (etaMs, ms) => {
    const asker = session();
    asker.open('A', doubt);
    asker.frame({ t: 'accepted', position: 1, etaMs });
    expect(asker.effects).toContainEqual({ type: 'arm', timer: 'queue', ms });
    asker.frame({ t: 'accepted', position: 1, etaMs });
    expect(asker.armed()).toEqual(['silence']);
    asker.frame({ t: 'alive' });
    asker.say({ type: 'timer', timer: 'queue', at: 9 });
    const [{ end }] = asker.of('record') as [Extract<AskerEffect, { type: 'record' }>];
    expect(end).toMatchObject({ type: 'lost', error: { code: 'peer-lost', details: { reason: 'stalled' } } });
    expect(asker.of('choose')).toMatchObject([{ tried: ['A'] }]);
  });

  test('the slot ends the wait, and the only worker is waited for', () => {
    const asker = session();
    asker.open('A', doubt);
    asker.frame({ t: 'accepted', position: 1, etaMs: 0 });
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    expect(asker.of('disarm').map(({ timer }) => timer)).toContain('queue');
    const alone = session();
    alone.open('A');
    alone.frame({ t: 'accepted', position: 1, etaMs: 0 });
    expect(alone.armed()).toEqual(['silence']);
  });

  test('A4: an empty answer sends the job to one more worker, and a second one is believed', () => {
    const asker = session();
    asker.open('A', doubt);
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    settled(asker);
    expect(asker.state.errors).toMatchObject([{ code: 'peer-failed', details: { reason: 'empty' } }]);
    expect(asker.of('choose')).toHaveLength(1);
    asker.open('B', doubt);
    asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
    settled(asker);
    expect(asker.state.job).toMatchObject({ phase: 'finished', text: '' });
  });

  test('an empty answer of a worker that is trusted, or the only one, is the answer', () => {
    for (const one of [{ ...doubt, empty: 'accept' } as const, undefined]) {
      const asker = session();
      asker.open('A', one);
      asker.frame({ t: 'accepted', position: 0, etaMs: 0 });
      settled(asker);
      expect(asker.state.job.phase).toBe('finished');
    }
  });
});
