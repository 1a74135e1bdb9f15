import { expect, test } from 'vitest';
import { createSigner, encodeEnvelope } from '#lib/protocol/envelope.ts';
import type { Job } from '#lib/protocol/job.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { verifyReceipts } from './verify-receipts.ts';

const job = {
  id: '0'.repeat(32),
  artefact: 'a'.repeat(64),
  model: 'tabloom-demo',
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  params: { maxTokens: 16 },
  tier: 'open',
  deadlineMs: 60_000,
  salt: 'ab'.repeat(16),
} as Job;

const audit = {
  bond: { chain: 8_453, provider: '0x1', amount: '2000', required: '1800', block: '7' },
  share_audited: 0.25,
  audited: 50,
  margin: 0.02,
  validators: 4,
};

function answer(content: string, more: object = {}): string {
  const root = createOutputRoot(chat.outputHash);
  root.add({ type: 'text-delta', text: 'Hi', tokens: 1 });
  const { envelope } = issueReceipt(
    {
      job,
      asker: createSigner(new Uint8Array(32).fill(2)).peer,
      engine: { name: 'scripted', build: '1', deviceClass: 'wasm-cpu' },
      output: root.summary(),
      reason: 'stop',
      tokensIn: 9,
      timings: { queuedMs: 0, ttftMs: 12, decodeMs: 30 },
      price: { in: '0', out: '0' },
      issuedAt: 1_700_000_000_000,
      prevWorker: chainStart,
    },
    createSigner(new Uint8Array(32).fill(1)),
  );
  const base64 = btoa(String.fromCharCode(...encodeEnvelope(envelope)));
  return JSON.stringify({
    choices: [{ message: { content } }],
    tabloom: { salt: job.salt, receipt: { envelope: base64, countersign: null }, ...more },
  });
}

const resultsOf = (text: string, question: string) =>
  verifyReceipts(text, question).map(({ claims }) => claims.map(({ result }) => result));

test('the page checks what the API hands out, and the question where it is given', () => {
  expect(resultsOf(answer('Hi'), 'Hello')).toEqual([['holds', 'unchecked', 'unchecked', 'holds', 'holds']]);
  expect(resultsOf(answer('Hi'), '')).toEqual([['holds', 'unchecked', 'unchecked', 'unchecked', 'holds']]);
  expect(resultsOf(answer('Ho'), 'Hallo')).toEqual([['holds', 'unchecked', 'unchecked', 'fails', 'fails']]);
  expect(verifyReceipts(answer('Hi'), '')[0]?.receipt).toMatchObject({ job: job.id, tier: 'open', tokensOut: 1 });
});

test('what is no receipt is refused by name', () => {
  expect(() => verifyReceipts('hello', '')).toThrow(expect.objectContaining({ code: 'bad-receipt' }));
});

test('what the gateway says of the worker is shown as that, and not where it cannot be read', () => {
  const told = (more: object) => verifyReceipts(answer('Hi', more), '')[0]?.told;
  const { amount, required, block } = audit.bond;
  const rest = { share: 0.25, audited: 50, margin: 0.02, validators: 4 };
  expect(told({ audit })).toEqual({ bond: { amount, required, block }, ...rest });
  expect([told({}), told({ audit: { ...audit, share_audited: 4 } }), told({ audit: 'good' })]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
