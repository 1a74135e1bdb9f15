import { describe, expect, test } from 'vitest';
import { countsFit, latenessMaxMs, outcomeOf, type AttemptEnding, type OutcomeContext } from './outcome.ts';

const seen = { tokens: 40, spanMs: 1_000 };
const nothing: OutcomeContext = {
  latenessMs: 0,
  agreed: false,
  standing: false,
  redialled: false,
  sameOutage: false,
  offeredFree: false,
};
const said = (ending: AttemptEnding, context: Partial<OutcomeContext> = {}) => {
  const outcome = outcomeOf(ending, { ...nothing, ...context });
  return outcome.type === 'failed' ? outcome.promise : outcome.type;
};
const refused = (code: string, after: 'asking' | 'accepted'): AttemptEnding => ({ type: 'refused', code, after });

test('an answer counts when its receipt holds and there is something in it', () => {
  const finished = { type: 'finished', receipt: 'holds', answer: 'some', counts: 'fit', seen } as const;
  expect(outcomeOf(finished, { ...nothing, latenessMs: 9_999 })).toEqual({
    type: 'finished',
    seen,
  });
  expect(said({ ...finished, receipt: 'false' })).toBe('false-receipt');
  expect(said({ ...finished, answer: 'empty' })).toBe('empty-answer');
  expect(said({ ...finished, counts: 'impossible' })).toBe('impossible-counts');
});

describe('A7: no failure of the worker is', () => {
  test('what the asker did itself: its deadline, its cancel, a request that cannot be sent', () => {
    expect(said({ type: 'given-up' })).toBe('unjudged');
  });

  test('a no before it took the job, whatever for', () => {
    for (const code of ['busy', 'draining', 'model-not-here', 'bad-request', 'some-new-word']) {
      expect(said(refused(code, 'asking')), code).toBe('refused');
    }
  });

  test('a backend that is full or counts the prompt otherwise', () => {
    for (const code of ['busy', 'too-long']) expect(said(refused(code, 'accepted')), code).toBe('refused');
  });

  test('a request that the backend answers with 4xx, where others agree or the worker is known', () => {
    const bad = refused('bad-request', 'accepted');
    expect([said(bad, { agreed: true }), said(bad, { standing: true })]).toEqual(['refused', 'refused']);
  });

  test('a loss that the same job has seen before', () => {
    expect(said({ type: 'lost' }, { redialled: true })).toBe('unjudged');
    expect(said({ type: 'breach' }, { redialled: true })).toBe('breach');
  });

  test('a loss beside others of one outage: it is the same fault', () => {
    expect(outcomeOf({ type: 'lost' }, { ...nothing, sameOutage: true })).toEqual({
      type: 'failed',
      promise: 'lost',
      sameOutage: true,
    });
    expect(outcomeOf({ type: 'stalled' }, { ...nothing, sameOutage: true })).toEqual({
      type: 'failed',
      promise: 'stalled-queue',
    });
  });

  test('silence while the asker itself was late', () => {
    expect(said({ type: 'lost' }, { latenessMs: latenessMaxMs })).toBe('unjudged');
    expect(said({ type: 'lost' }, { latenessMs: latenessMaxMs - 1 })).toBe('lost');
  });
});

describe('a promise that was broken is one', () => {
  test('A1: a frame that is malformed or too large, also where the asker was late', () => {
    expect(said({ type: 'breach' })).toBe('breach');
    expect(said({ type: 'breach' }, { latenessMs: 60_000, agreed: true, standing: true })).toBe('breach');
  });

  test('A2: a stranger that takes the job and then blames the request, alone', () => {
    for (const code of ['bad-request', 'cancelled', 'budget', 'job-unknown']) {
      expect(said(refused(code, 'accepted')), code).toBe('error-after-accepting');
    }
  });

  test('an error after the job was accepted, of anybody', () => {
    for (const code of ['engine-failed', 'internal', 'deadline', 'peer-failed', 'some-new-word', '__proto__']) {
      expect(said(refused(code, 'accepted'), { agreed: true, standing: true }), code).toBe('error-after-accepting');
    }
  });

  test('A2: a free slot was offered, and the answer is that there is none', () => {
    expect(said(refused('busy', 'asking'), { offeredFree: true })).toBe('no-slot');
    expect(said(refused('busy', 'asking'))).toBe('refused');
    // A policy, a price, a model that has gone: no promise was made of these.
    expect(said(refused('refused-policy', 'asking'), { offeredFree: true })).toBe('refused');
  });

  test('A15: a wait that does not end as was said', () => {
    expect(said({ type: 'stalled' }, { standing: true })).toBe('stalled-queue');
  });
});

test('A4: an answer is not more tokens than bytes, but for a few that show as nothing', () => {
  expect([countsFit(5, 20), countsFit(20, 20), countsFit(36, 20), countsFit(16, 0)]).toEqual([true, true, true, true]);
  expect([countsFit(37, 20), countsFit(4_000, 300)]).toEqual([false, false]);
});
