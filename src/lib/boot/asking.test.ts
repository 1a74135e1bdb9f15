import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { initialJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { rowOf, type Job } from '#lib/protocol/job.ts';
import { emptyOutput, foldOutput } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { createPrepare, verifyAttempt } from './asking.ts';

function fixture(privateMode = false) {
  const clock = manualClock();
  const asked: AskRequest[] = [];
  const prepare = createPrepare({
    clock,
    privateMode: () => privateMode,
    consumer: async () => ({ prepare: async (request) => void asked.push(request) }),
  });
  return { clock, asked, prepare };
}

test('opens the way to the target, and again while somebody types on', async () => {
  const { prepare, asked, clock } = fixture();
  await prepare({ model: 'any', by: 'anyone' });
  await prepare({ model: 'any', by: 'anyone' });
  expect(asked).toMatchObject([{ model: 'any', only: undefined }]);
  await prepare({ model: 'tabloom-demo', by: '12D3KooWPeer' });
  expect(asked[1]).toMatchObject({ model: { name: 'tabloom-demo' }, only: ['12D3KooWPeer'] });
  await clock.advance(4_000);
  await prepare({ model: 'tabloom-demo', by: '12D3KooWPeer' });
  expect(asked).toHaveLength(3);
});

test('with a tier the way is opened to those that have it', async () => {
  const { prepare, asked } = fixture();
  await prepare({ model: 'any', by: 'anyone' }, 'verified');
  await prepare({ model: 'any', by: 'anyone' });
  expect(asked.map(({ tier }) => tier)).toEqual(['verified', 'open']);
});

test('tells nobody of a private question, or of one that stays here', async () => {
  const [shy, own] = [fixture(true), fixture()];
  await shy.prepare({ model: 'any', by: 'anyone' });
  await own.prepare({ model: 'any', by: 'this-device' });
  expect([shy.asked, own.asked]).toEqual([[], []]);
});

const worker = createSigner(new Uint8Array(32).fill(1));
const engine = { name: 'scripted', build: '1', deviceClass: 'test' };
const own: Job = {
  id: '0'.repeat(32),
  artefact: 'a'.repeat(64),
  model: 'tabloom-demo',
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hi' }] },
  params: { maxTokens: 16 },
  tier: 'open',
  deadlineMs: 60_000,
  salt: '0'.repeat(32),
};

const all = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };

/** An answer as it is kept: its receipt, and what its parts came to. */
function kept(parts: readonly Part[], job: Job = own): { readonly answer: JobState; readonly ids: readonly number[] } {
  const root = createOutputRoot(rowOf(job).outputHash);
  for (const part of parts) root.add(part);
  const output = parts.reduce(foldOutput, emptyOutput);
  const usage = { tokensIn: 1, tokensOut: output.tokens };
  const { envelope: receipt } = issueReceipt(
    {
      job,
      asker: createSigner(new Uint8Array(32).fill(2)).peer,
      engine,
      output: root.summary(),
      reason: 'stop',
      tokensIn: usage.tokensIn,
      timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
      price: { in: '0', out: '0' },
      issuedAt: 1_700_000_000_000,
      prevWorker: '0'.repeat(64),
    },
    worker,
  );
  const view = {
    peer: worker.peer,
    self: false,
    role: 'tab',
    engine,
    model: job.model,
    artefact: job.artefact,
    tier: 'open',
  };
  const { text, tokens } = output;
  const ids = parts.flatMap((part) => ('ids' in part ? (part.ids ?? []) : []));
  return {
    answer: {
      ...initialJob,
      phase: 'finished',
      job,
      worker: view,
      output,
      text,
      tokens,
      reason: 'stop',
      usage,
      attempts: [
        {
          worker: view,
          fromCharacter: 0,
          toCharacter: text.length,
          fromToken: 0,
          toToken: tokens,
          chosenAt: 0,
          outcome: 'finished',
          settlement: { usage, receipt: { receipt }, receiptCheck: all },
        },
      ],
    },
    ids,
  };
}

test('a kept answer’s receipt is checked with its thoughts and calls, whoever’s tokens they were', () => {
  const { answer, ids } = kept([
    { type: 'reasoning-delta', text: 'Hm.', tokens: 2, ids: [1, 2] },
    { type: 'text-delta', text: 'So', tokens: 1, ids: [3] },
    { type: 'tool-call-delta', index: 0, id: 'c', name: 'now', arguments: '{', tokens: 1, ids: [4] },
    { type: 'tool-call-delta', index: 0, arguments: '}', tokens: 1, ids: [5] },
  ]);
  expect(verifyAttempt(answer, answer.attempts[0]!, ids)).toEqual(all);
  const other = { ...answer, output: { ...answer.output, reasoning: 'Ha.' } };
  expect(verifyAttempt(other, other.attempts[0]!, ids)).toEqual({ ...all, output: false });
  expect(verifyAttempt(answer, answer.attempts[0]!, [1, 2, 3, 4, 6])).toEqual({ ...all, output: false });
});

test('of an answer that went on, each receipt is checked against the job it was given for', () => {
  const first = kept([{ type: 'text-delta', text: 'One ', tokens: 1, ids: [1] }]);
  const next: Job = { ...own, id: '1'.repeat(32), resume: { text: 'One ', tokens: 1, ids: [1] } };
  const second = kept([{ type: 'text-delta', text: 'two', tokens: 1, ids: [2] }], next);
  const [begun, added] = [first.answer.attempts[0]!, second.answer.attempts[0]!];
  const earlier = { ...begun, earlier: { job: own, reason: 'stop' as const } };
  const later = { ...added, fromCharacter: 4, toCharacter: 7, fromToken: 1, toToken: 2 };
  const output = { ...emptyOutput, text: 'One two', tokens: 2 };
  const answer = { ...second.answer, output, text: 'One two', tokens: 2, attempts: [earlier, later] };
  expect(verifyAttempt(answer, earlier, [1, 2])).toEqual(all);
  expect(verifyAttempt(answer, later, [1, 2])).toEqual(all);
  expect(verifyAttempt(answer, begun, [1, 2])).toMatchObject({ prompt: false });
});
