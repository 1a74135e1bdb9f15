import { expect, test } from 'vitest';
import { initialJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { Job } from '#lib/protocol/job.ts';
import { emptyOutput } from '#lib/protocol/output.ts';
import { afterGoingOn, goOnRequest, resumingModel } from './go-on.ts';
import { noNetwork, type NetworkView } from './network.ts';
import { anyPeer, thisDevice } from './target.ts';

const job: Job = {
  id: '0'.repeat(32),
  artefact: 'a'.repeat(64),
  model: 'm',
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hi' }] },
  params: { maxTokens: 2, temperature: 0.5 },
  tier: 'open',
  deadlineMs: 1_000,
  salt: '0'.repeat(32),
};
const cut: JobState = {
  ...initialJob,
  phase: 'finished',
  reason: 'length',
  job,
  text: 'ab',
  tokens: 2,
  output: { ...emptyOutput, text: 'ab', tokens: 2 },
};
const going = { target: anyPeer, contextTokens: 1_000, answerTokensMax: 100, budget: '5' };

test('the same work goes on with more tokens, at whoever was asked', () => {
  expect(goOnRequest(cut, [7, 8], going)).toEqual({
    kind: 'chat',
    model: { artefact: job.artefact },
    input: job.input,
    params: { maxTokens: 102, temperature: 0.5 },
    tier: 'open',
    after: { text: 'ab', tokens: 2, ids: [7, 8], job },
    budget: '5',
    only: undefined,
  });
  expect(goOnRequest(cut, undefined, { ...going, target: thisDevice })).toMatchObject({
    after: { text: 'ab', tokens: 2 },
    budget: undefined,
  });
  expect(goOnRequest(cut, [8], { ...going, target: { model: 'm', by: 'P' } })).toMatchObject({ only: ['P'] });
  expect(goOnRequest(cut, [8], going)?.after).not.toHaveProperty('ids');
  // However short its visitor wants answers.
  expect(goOnRequest(cut, [7, 8], { ...going, answerTokensMax: 16 })).toMatchObject({ params: { maxTokens: 18 } });
});

test('thoughts, calls and a full context take another turn', () => {
  const withThoughts = { ...cut, output: { ...cut.output, reasoning: 'hm' } };
  const withCalls = { ...cut, output: { ...cut.output, toolCalls: [{ id: '1', name: 'clock', arguments: '{}' }] } };
  const unknown = { ...cut, job: undefined };
  for (const answer of [withThoughts, withCalls, unknown])
    expect(goOnRequest(answer, [7, 8], going), JSON.stringify(answer)).toBeUndefined();
  expect(goOnRequest(cut, [7, 8], { ...going, contextTokens: 30 })).toBeUndefined();
});

test('only who serves those weights, under that name, and can go on', () => {
  const offering = (change: object, view: object = {}) =>
    ({
      ...noNetwork,
      offers: [
        {
          self: false,
          ...view,
          offer: { peer: 'P', models: [{ name: 'm', artefact: job.artefact, features: ['resume-text'], ...change }] },
        },
      ],
    }) as unknown as NetworkView;
  expect(resumingModel(job.artefact, anyPeer, offering({}))).toMatchObject({ name: 'm' });
  expect(resumingModel(job.artefact, { model: 'm', by: 'P' }, offering({}))).toBeDefined();
  expect(resumingModel(job.artefact, thisDevice, offering({}, { self: true }))).toBeDefined();
  expect(resumingModel(job.artefact, thisDevice, offering({}))).toBeUndefined();
  expect(resumingModel(job.artefact, { model: 'other', by: 'anyone' }, offering({}))).toBeUndefined();
  expect(resumingModel(job.artefact, { model: 'm', by: 'Q' }, offering({}))).toBeUndefined();
  expect(resumingModel(job.artefact, anyPeer, offering({ features: ['tools'] }))).toBeUndefined();
  expect(resumingModel('f'.repeat(64), anyPeer, offering({}))).toBeUndefined();
});

test('what went on and failed keeps what it had, and says why where it had more', () => {
  const error = { code: 'peer-lost', message: 'Gone.' };
  const failed = { ...cut, phase: 'failed' as const, error };
  const back = afterGoingOn(cut, failed);
  expect(back).toEqual(cut);
  expect(back).not.toBe(cut);
  const more = { ...failed, text: 'abc' };
  expect(afterGoingOn(cut, more)).toMatchObject({
    phase: 'finished',
    reason: 'length',
    text: 'abc',
    warnings: [error],
  });
  expect(afterGoingOn(cut, more)).not.toHaveProperty('error');
  const stopped = { ...cut, phase: 'cancelled' as const, reason: 'cancelled' as const };
  expect(afterGoingOn(cut, stopped)).toEqual(cut);
  expect(afterGoingOn(cut, { ...stopped, text: 'abc' })).toMatchObject({ phase: 'cancelled', text: 'abc' });
});
