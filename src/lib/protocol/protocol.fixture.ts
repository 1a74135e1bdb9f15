import type { Checkpoint } from './checkpoint.ts';
import { createSigner, signEnvelope } from './envelope.ts';
import type { Job } from './job.ts';
import type { Offer } from './offer.ts';
import type { JobPayment, Payout, ReceiptPayment } from './payment.ts';
import type { Countersign, Receipt } from './receipt.ts';

/** One valid instance of each record, for tests. Key seeds are one repeated byte. */
export const workerFixture = createSigner(new Uint8Array(32).fill(1));
export const askerFixture = createSigner(new Uint8Array(32).fill(2));

export const jobFixture: Job = {
  id: '000102030405060708090a0b0c0d0e0f',
  artefact: 'a1'.repeat(32),
  model: 'tabloom-demo',
  kind: 'chat',
  input: {
    messages: [
      { role: 'system', content: 'You are brief.' },
      { role: 'user', content: 'Grüß Gott, 🦊!' },
    ],
  },
  params: { maxTokens: 64, temperature: 0.5, topP: 1, seed: 4_294_967_295, stop: ['\n\n'] },
  tier: 'open',
  deadlineMs: 120_000,
  salt: '0f0e0d0c0b0a09080706050403020100',
};

const addressFixture = (byte: string) => `0x${byte.repeat(20)}` as const;

export const payoutFixture: Payout = {
  chain: 8453,
  provider: addressFixture('1a'),
  providerSigner: addressFixture('2b'),
  delay: 86_400,
  depositMin: '1000000',
};

export const paymentFixture: JobPayment = {
  chain: 8453,
  terms: {
    payer: addressFixture('3c'),
    payerSigner: addressFixture('4d'),
    provider: payoutFixture.provider,
    providerSigner: payoutFixture.providerSigner,
    token: addressFixture('5e'),
    delay: 86_400,
    deadline: 0,
    salt: `0x${'6f'.repeat(32)}`,
  },
  price: { in: '100000', out: '400000' },
};

export const paidJobFixture: Job = { ...jobFixture, budget: '50000', payment: paymentFixture };

export const receiptPaymentFixture: ReceiptPayment = { chain: 8453, channel: `0x${'7a'.repeat(32)}`, total: '27' };

export const offerFixture: Offer = {
  peer: workerFixture.peer,
  seq: 1_700_000_000_000,
  issuedAt: 1_700_000_000_000,
  ttlMs: 45_000,
  role: 'tab',
  draining: false,
  engine: { name: 'wllama', build: '3.8.1', deviceClass: 'wasm-cpu' },
  models: [
    {
      artefact: jobFixture.artefact,
      name: 'tabloom-demo',
      kinds: ['chat'],
      features: [],
      contextTokens: 512,
      quantisation: 'Q8_0',
      price: { in: '0', out: '0' },
      slots: 1,
      running: 0,
      queued: 0,
      measured: { prefillTps: 812.25, decodeTps: 97.5, ttftMs: 38 },
    },
  ],
  tiers: ['open'],
  policy: [],
  addrs: [],
  build: '0.1.0',
};

export const receiptFixture: Receipt = {
  jobId: jobFixture.id,
  asker: askerFixture.peer,
  worker: workerFixture.peer,
  artefact: jobFixture.artefact,
  model: jobFixture.model,
  kind: jobFixture.kind,
  engine: offerFixture.engine,
  params: jobFixture.params,
  promptHash: 'b2'.repeat(32),
  resumedTokens: 0,
  outputRoot: 'c3'.repeat(32),
  outputForm: 'token-ids',
  reason: 'stop',
  tokensIn: 21,
  tokensOut: 2,
  timings: { queuedMs: 0, ttftMs: 38.5, decodeMs: 20.25 },
  tier: 'open',
  price: { in: '0', out: '0' },
  issuedAt: 1_700_000_001_000,
  prevWorker: '0'.repeat(64),
};

export const countersignFixture: Countersign = {
  jobId: jobFixture.id,
  receipt: 'd4'.repeat(32),
  asker: askerFixture.peer,
  prevAsker: '0'.repeat(64),
};

export const checkpointFixture: Checkpoint = {
  jobId: jobFixture.id,
  asker: askerFixture.peer,
  worker: workerFixture.peer,
  artefact: jobFixture.artefact,
  promptHash: 'b2'.repeat(32),
  resumedTokens: 0,
  tokensOut: 64,
  outputRoot: 'c3'.repeat(32),
  outputForm: 'token-ids',
  issuedAt: 1_700_000_000_500,
};

export const offerEnvelopeFixture = signEnvelope('offer', offerFixture, workerFixture);
export const receiptEnvelopeFixture = signEnvelope('receipt', receiptFixture, workerFixture);
export const checkpointEnvelopeFixture = signEnvelope('checkpoint', checkpointFixture, workerFixture);
export const countersignEnvelopeFixture = signEnvelope('countersign', countersignFixture, askerFixture);
