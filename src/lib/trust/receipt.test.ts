import { expect, test } from 'vitest';
import { createSigner, signEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { allHold, checkReceipt, openCountersign, tryOpenReceipt, verifyStored, type Received } from './check.ts';
import { chainStart } from './chain.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { createOutputRoot } from './output-root.ts';
import { countersign, issueReceipt, receiptHash, usageOfReceipt, type Delivered } from './receipt.ts';
import { promptHash } from './prompt-hash.ts';

const worker = createSigner(new Uint8Array(32).fill(1));
const asker = createSigner(new Uint8Array(32).fill(2));
const stranger = createSigner(new Uint8Array(32).fill(3));

const job: Job = {
  id: '0'.repeat(32),
  artefact: 'a'.repeat(64),
  model: 'tabloom-demo',
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  params: { maxTokens: 16, temperature: 0 },
  tier: 'open',
  deadlineMs: 60_000,
  salt: 'ab'.repeat(16),
};
const outputOf = (...texts: string[]) => {
  const root = createOutputRoot(chat.outputHash);
  for (const text of texts) root.add({ type: 'text-delta', text, tokens: 1 });
  return root.summary();
};
const delivered: Delivered = {
  job,
  asker: asker.peer,
  engine: { name: 'scripted', build: '1', deviceClass: 'wasm-cpu' },
  output: outputOf('Hi', '!'),
  reason: 'stop',
  tokensIn: 9,
  timings: { queuedMs: 0, ttftMs: 12.5, decodeMs: 30 },
  price: { in: '0', out: '0' },
  issuedAt: 1_700_000_000_000,
  prevWorker: chainStart,
};
const received: Received = {
  job,
  asker: asker.peer,
  worker: worker.peer,
  output: outputOf('Hi', '!'),
  reason: 'stop',
  usage: usageOfReceipt(delivered),
  price: { in: '0', out: '0' },
  engine: { deviceClass: 'wasm-cpu', build: '1', name: 'scripted' },
  askedAt: 1_700_000_000_000,
  receivedAt: 1_700_000_002_000,
};
const failing = (over: Partial<Delivered>, seen: Partial<Received> = {}, signer = worker) =>
  Object.entries(checkReceipt(issueReceipt({ ...delivered, ...over }, signer), { ...received, ...seen }))
    .filter(([, holds]) => !holds)
    .map(([name]) => name);

test('an honest receipt passes every check', () => {
  const checks = checkReceipt(issueReceipt(delivered, worker), received);
  expect(checks).toEqual({ signature: true, worker: true, prompt: true, output: true, counts: true, payment: true });
  expect(allHold(checks)).toBe(true);
});

test('each false claim fails its own check and no other', () => {
  expect(failing({}, { worker: stranger.peer })).toEqual(['worker']);
  expect(failing({}, {}, stranger)).toEqual(['worker']);
  expect(failing({ asker: stranger.peer })).toEqual(['worker']);
  for (const [engine, over] of [
    [{ name: 'vllm', build: '1', deviceClass: 'wasm-cpu' }, {}],
    [delivered.engine, { deviceClass: 'nvidia-h100' }],
  ] as const)
    expect(failing({ engine: { ...engine, ...over } })).toEqual(['worker']);
  for (const other of [
    { id: '1'.repeat(32) },
    { artefact: 'b'.repeat(64) },
    { model: 'another' },
    { salt: 'cd'.repeat(16) },
    { tier: 'verified' as const },
    { params: { maxTokens: 16 } },
    { params: { maxTokens: 17, temperature: 0 } },
    { resume: { text: 'x', tokens: 1 } },
    { kind: 'completion', input: { prompt: 'Hello' } },
  ])
    expect(failing({ job: { ...job, ...other } as Job })).toEqual(['prompt']);
  expect(failing({ output: outputOf('Hi', '?') })).toEqual(['output']);
  expect(failing({ reason: 'length' })).toEqual(['output']);
  expect(failing({ tokensIn: 10 })).toEqual(['counts']);
  expect(failing({ output: { ...delivered.output, tokens: 3 } })).toEqual(['counts']);
  expect(failing({}, { usage: { tokensIn: 9, tokensOut: 3 } })).toEqual(['counts']);
  expect(failing({ price: { in: '0', out: '1' } })).toEqual(['counts']);
});

test('so does a date outside the job’s duration, allowing for clock skew', () => {
  const { askedAt, receivedAt } = received;
  for (const issuedAt of [askedAt - limits.receiptClockSkewMs, askedAt, receivedAt + limits.receiptClockSkewMs]) {
    expect(failing({ issuedAt })).toEqual([]);
  }
  for (const issuedAt of [
    1,
    askedAt - limits.receiptClockSkewMs - 1,
    receivedAt + limits.receiptClockSkewMs + 1,
    Number.MAX_SAFE_INTEGER,
  ]) {
    expect(failing({ issuedAt })).toEqual(['worker']);
  }
});

test('more prompt tokens than the prompt can have are a false count; a template, a resumed text and files may add some', () => {
  const counted = (tokensIn: number, change: Partial<Job> = {}) => {
    const asked = { ...job, ...change } as Job;
    return failing({ job: asked, tokensIn }, { job: asked, usage: { tokensIn, tokensOut: 2 } });
  };
  const file = { mime: 'audio/wav', sha256: 'c'.repeat(64), sizeBytes: 16_000_000 };
  expect(counted(4_096)).toEqual([]);
  expect(counted(5_000)).toEqual(['counts']);
  expect(counted(9e15)).toEqual(['counts']);
  expect(counted(5_000, { input: { messages: [{ role: 'user', content: 'x'.repeat(1_000) }] } })).toEqual([]);
  expect(counted(5_000, { resume: { text: 'x'.repeat(300), tokens: 100 } })).toEqual([]);
  expect(counted(900_000, { kind: 'transcription', input: { audio: file }, params: {} } as Partial<Job>)).toEqual([]);
});

test('one part more or less than received fails output and counts', () => {
  expect(failing({ output: outputOf('Hi') })).toEqual(['output', 'counts']);
  expect(failing({ output: outputOf('Hi', '!', '') })).toEqual(['counts']);
});

test('the member order of params does not matter', () => {
  const swapped = { ...job, params: { temperature: 0, maxTokens: 16, topP: undefined } } as Job;
  expect(failing({ job: swapped })).toEqual([]);
});

test('an invalid signature, another type, or a malformed receipt fails every check', () => {
  const good = issueReceipt(delivered, worker).envelope;
  const nothing = { signature: false, worker: false, prompt: false, output: false, counts: false, payment: false };
  const forged: Envelope[] = [
    { ...good, sig: good.sig.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) },
    { ...good, payload: good.payload.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) },
    { ...good, key: stranger.publicKey },
    { ...good, type: 'offer' },
    signEnvelope('receipt', { jobId: job.id }, worker),
    signEnvelope('countersign', { jobId: job.id }, worker),
  ];
  for (const envelope of forged) expect(checkReceipt(tryOpenReceipt(envelope), received)).toEqual(nothing);
});

test('a worker does not sign a receipt that readers would reject', () => {
  expect(() => issueReceipt({ ...delivered, tokensIn: -1 }, worker)).toThrow(
    expect.objectContaining({ code: 'bad-record' }),
  );
});

test('the countersign covers exactly this receipt, and only its asker can sign it', () => {
  const receipt = issueReceipt(delivered, worker);
  const other = issueReceipt({ ...delivered, issuedAt: 1_700_000_000_001 }, worker);
  const answer = countersign(receipt, chainStart, asker);
  expect(openCountersign(receipt, answer)?.peer).toBe(asker.peer);
  expect(openCountersign(other, answer)).toBeUndefined();
  expect(() => countersign(receipt, chainStart, stranger)).toThrow(expect.objectContaining({ code: 'bad-request' }));
  const forged = signEnvelope(
    'countersign',
    { jobId: job.id, receipt: receiptHash(receipt.envelope), asker: asker.peer, prevAsker: chainStart },
    stranger,
  );
  expect(openCountersign(receipt, forged)).toBeUndefined();
});

test('a stored receipt is verified offline, each signature separately', () => {
  const issued = issueReceipt(delivered, worker);
  const receipt = issued.envelope;
  const answer = countersign(issued, chainStart, asker);
  expect(verifyStored({ receipt, countersign: answer })).toMatchObject({
    receipt: { worker: worker.peer, tokensOut: 2, params: { maxTokens: 16, temperature: 0 } },
    countersign: { asker: asker.peer, receipt: receiptHash(receipt) },
    workerSignature: 'valid',
    askerSignature: 'valid',
  });
  expect(verifyStored({ receipt }).askerSignature).toBe('missing');
  const stolen = signEnvelope('receipt', verifyStored({ receipt }).receipt, stranger);
  expect(verifyStored({ receipt: stolen, countersign: answer })).toMatchObject({
    workerSignature: 'invalid',
    askerSignature: 'invalid',
  });
});

test('the prompt hash depends only on salt, kind and input', () => {
  expect(promptHash(job)).toBe(promptHash(structuredClone(job)));
  expect(promptHash(job)).not.toBe(promptHash({ ...job, salt: '00'.repeat(16) }));
});
