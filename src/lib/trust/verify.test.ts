import { describe, expect, test } from 'vitest';
import { createSigner, encodeEnvelope } from '#lib/protocol/envelope.ts';
import type { Job } from '#lib/protocol/job.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { chainStart } from './chain.ts';
import { createOutputRoot } from './output-root.ts';
import { readPresented, type PresentedReceipt } from './presented.ts';
import { countersign, issueReceipt } from './receipt.ts';
import { holds, verifyReceipt, type Known } from './verify.ts';

const worker = createSigner(new Uint8Array(32).fill(1));
const asker = createSigner(new Uint8Array(32).fill(2));

const job: Job = {
  id: '0'.repeat(32),
  artefact: 'a'.repeat(64),
  model: 'tabloom-demo',
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  params: { maxTokens: 16, temperature: 0 },
  tier: 'verified',
  deadlineMs: 60_000,
  salt: 'ab'.repeat(16),
};

function issue(ids?: readonly number[], reasoning?: string) {
  const root = createOutputRoot(chat.outputHash);
  if (reasoning !== undefined) root.add({ type: 'reasoning-delta', text: reasoning, tokens: 1 });
  for (const text of ['Hi', ' there']) root.add({ type: 'text-delta', text, tokens: 1, ...(ids ? { ids: [7] } : {}) });
  return issueReceipt(
    {
      job,
      asker: asker.peer,
      engine: { name: 'scripted', build: '1', deviceClass: 'wasm-cpu' },
      output: root.summary(),
      reason: 'stop',
      tokensIn: 9,
      timings: { queuedMs: 0, ttftMs: 12, decodeMs: 30 },
      price: { in: '0', out: '0' },
      issuedAt: 1_700_000_000_000,
      prevWorker: chainStart,
    },
    worker,
  );
}

const opened = issue();
const whole: PresentedReceipt = {
  envelope: encodeEnvelope(opened.envelope),
  countersign: encodeEnvelope(countersign(opened, chainStart, asker)),
  record: opened.record,
};
const known: Known = { prompt: { input: job.input, salt: job.salt }, output: { text: 'Hi there' } };
const results = (presented: PresentedReceipt, given: Known = known) =>
  Object.fromEntries(verifyReceipt(presented, given).claims.map(({ claim, result }) => [claim, result]));
const all = {
  'worker-signature': 'holds',
  'asker-signature': 'holds',
  'shown-fields': 'holds',
  prompt: 'holds',
  output: 'holds',
};

test('everything holds of an honest receipt, and only what can be checked is claimed of a bare one', () => {
  expect(results(whole)).toEqual(all);
  const bare = verifyReceipt({ envelope: whole.envelope });
  expect([bare.hash, holds(bare)]).toEqual([opened.hash, true]);
  expect(bare.claims.map(({ result }) => result)).toEqual(['holds', ...Array<string>(4).fill('unchecked')]);
});

describe('each lie fails its own check', () => {
  test.each([
    ['another answer', whole, { ...known, output: { text: 'Hi there!' } }, { output: 'fails' }],
    ['another prompt', whole, { ...known, prompt: { input: { messages: [] }, salt: job.salt } }, { prompt: 'fails' }],
    ['another salt', whole, { ...known, prompt: { input: job.input, salt: '00'.repeat(16) } }, { prompt: 'fails' }],
    ['no salt at all', whole, { ...known, prompt: { input: job.input, salt: 'x' } }, { prompt: 'fails' }],
    [
      'other fields beside it',
      { ...whole, record: { ...opened.record, tokensOut: 9 } },
      known,
      { 'shown-fields': 'fails' },
    ],
    ['fields that are none', { ...whole, record: 7 }, known, { 'shown-fields': 'fails' }],
    ['a countersignature of another', { ...whole, countersign: whole.envelope }, known, { 'asker-signature': 'fails' }],
    [
      'a countersignature of no bytes',
      { ...whole, countersign: new Uint8Array() },
      known,
      { 'asker-signature': 'fails' },
    ],
  ] as const)('%s', (_what, presented, given, failing) => {
    expect(results(presented, given)).toEqual({ ...all, ...failing });
    expect(holds(verifyReceipt(presented, given))).toBe(false);
  });

  test('a bit of the envelope', () => {
    for (let at = 0; at < whole.envelope.length; at += 29) {
      const envelope = whole.envelope.map((byte, index) => (index === at ? byte ^ 1 : byte));
      expect(holds(verifyReceipt({ envelope }, known))).toBe(false);
    }
  });
});

test('reasoning is a part of the answer, and a receipt over token ids is not checked by text', () => {
  const thought = { envelope: encodeEnvelope(issue(undefined, 'Hm').envelope) };
  expect(results(thought, { output: { text: 'Hi there', reasoning: 'Hm' } }).output).toBe('holds');
  expect(results(thought, { output: { text: 'Hi there' } }).output).toBe('fails');
  const overIds = { envelope: encodeEnvelope(issue([7]).envelope) };
  expect(results(overIds, { output: { text: 'Hi there' } }).output).toBe('unchecked');
});

describe('what the API hands out', () => {
  const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
  const written = {
    record: JSON.parse(JSON.stringify(opened.record)) as object,
    envelope: base64(whole.envelope),
    countersign: base64(whole.countersign!),
  };

  test.each([
    ['one receipt', written],
    ['the list of a job', { object: 'list', job: job.id, data: [written, written] }],
    ['an answer', { tabloom: { job: job.id, receipt: written, parts: [{ receipt: written }] } }],
  ])('%s is read', (_what, value) => {
    const { receipts } = readPresented(JSON.stringify(value));
    expect(receipts.map((one) => results(one))).toEqual([all]);
  });

  test('an answer comes with its text and its salt, unless several workers gave it', () => {
    const answer = {
      choices: [{ message: { content: 'Hi there', reasoning_content: 'Hm' } }],
      tabloom: { salt: job.salt, receipt: written, parts: [{}] },
    };
    expect(readPresented(JSON.stringify(answer))).toMatchObject({
      output: { text: 'Hi there', reasoning: 'Hm' },
      salt: job.salt,
    });
    const shared = { ...answer, tabloom: { ...answer.tabloom, parts: [{}, {}] } };
    expect(readPresented(JSON.stringify(shared)).output).toBeUndefined();
  });

  test.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['no receipt', '{"data": []}'],
    ['no base64', '{"envelope": "%%%"}'],
    ['a receipt too deep', '['.repeat(20) + JSON.stringify(written) + ']'.repeat(20)],
    ['too much', `"${'x'.repeat(9_000_000)}"`],
  ])('%s is refused by name', (_what, text) => {
    expect(() => readPresented(text)).toThrow(expect.objectContaining({ code: 'bad-receipt' }));
  });

  test('an envelope of other bytes is read, and nobody signed it', () => {
    const [one] = readPresented(JSON.stringify({ envelope: base64(new Uint8Array([1, 2, 3])) })).receipts;
    expect(verifyReceipt(one!)).toMatchObject({ receipt: undefined, hash: undefined });
    expect(results(one!)['worker-signature']).toBe('fails');
  });
});
