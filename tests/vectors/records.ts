import { concatBytes } from '#lib/base/bytes.ts';
import { artefactId } from '#lib/protocol/artefact.ts';
import type { Checkpoint } from '#lib/protocol/checkpoint.ts';
import { createSigner, decodeEnvelope, signEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import type { CloseFrame, CloseRequest } from '#lib/protocol/closing.ts';
import type { FindFrame, FindRequest } from '#lib/protocol/find.ts';
import type { AskerFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import { encodeVoucher } from '#lib/protocol/payment.ts';
import type { Part } from '#lib/protocol/part.ts';
import { signTally, type Tally, type TallyFrame } from '#lib/protocol/tally.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { linkDigest } from '#lib/trust/links.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { promptHash } from '#lib/trust/prompt-hash.ts';
import { countersign, issueReceipt, receiptHash, type Delivered, type OpenedReceipt } from '#lib/trust/receipt.ts';
import { signOffer } from '#lib/protocol/offer.ts';
import { writeWish, type Wish } from '#lib/protocol/wish.ts';

/**
 * The conversation all vectors are based on. Other implementations rely on these bytes: add new cases at the end, and
 * never change an old one within a protocol version.
 */
export const workerSeed = new Uint8Array(32).fill(1);
export const askerSeed = new Uint8Array(32).fill(2);
export const worker = createSigner(workerSeed);
export const asker = createSigner(askerSeed);

export const manifests = [
  { files: [{ path: 'tabloom-demo.gguf', sizeBytes: 3_211_264, sha256: '11'.repeat(32) }] },
  {
    files: [
      { path: 'params/1.bin', sizeBytes: 33_554_432, sha256: '22'.repeat(32) },
      { path: 'config.json', sizeBytes: 1_200, sha256: '33'.repeat(32) },
      { path: 'params/0.bin', sizeBytes: 33_554_432, sha256: '44'.repeat(32) },
    ],
  },
] as const;

export const job: Job = {
  id: '000102030405060708090a0b0c0d0e0f',
  artefact: artefactId(manifests[0]),
  model: 'tabloom-demo',
  kind: 'chat',
  input: {
    messages: [
      { role: 'system', content: 'You are brief.' },
      { role: 'user', content: 'Grüß Gott, 🦊!', name: 'visitor' },
    ],
  },
  params: { maxTokens: 64, temperature: 0.5, topP: 1, seed: 4_294_967_295, stop: ['\n\n'] },
  tier: 'open',
  deadlineMs: 120_000,
  salt: '0f0e0d0c0b0a09080706050403020100',
};

export const resumedJob: Job = {
  ...job,
  id: 'ffffffffffffffffffffffffffffffff',
  kind: 'completion',
  input: { prompt: '\ufeffOnce upon a time' },
  params: { maxTokens: 1, temperature: 0, frequencyPenalty: -0.25, presencePenalty: 2 },
  resume: { text: ' there was', tokens: 2 },
};

export const parts: readonly Part[] = [
  { type: 'text-delta', text: 'Grüß', tokens: 2, ids: [17, 70_000] },
  { type: 'warning', code: 'seed-ignored', message: 'This engine has no seed.' },
  { type: 'text-delta', text: ' dich! 🦊', tokens: 3, ids: [0, 4_294_967_295, 2] },
];

export const offer: Offer = {
  peer: worker.peer,
  seq: 1_700_000_000_000,
  issuedAt: 1_700_000_000_000,
  ttlMs: 45_000,
  role: 'tab',
  draining: false,
  engine: { name: 'wllama', build: '3.8.1', deviceClass: 'wasm-cpu' },
  models: [
    {
      artefact: job.artefact,
      name: 'tabloom-demo',
      kinds: ['chat'],
      features: ['seed', 'resume-text'],
      contextTokens: 512,
      quantisation: 'Q8_0',
      price: { in: '0', out: '123456789012345678901234567890' },
      slots: 1,
      running: 1,
      queued: 2,
      measured: { prefillTps: 812.25, decodeTps: 97.5, ttftMs: 38 },
    },
  ],
  tiers: ['open', 'verified'],
  policy: ['adult'],
  addrs: ['/ip4/192.0.2.1/tcp/8080/ws'],
  build: '0.1.0',
};

/** An offer with every member set, including unknown words. */
export const fullOffer: Offer = {
  ...offer,
  seq: offer.seq + 3,
  role: 'swarm',
  models: [
    { ...offer.models[0]!, kinds: ['chat', 'completion', 'embedding', 'video'], features: ['tools', 'smell'] },
    { ...offer.models[0]!, name: 'ein Modell 模型 🦊', measured: undefined },
  ],
  tiers: ['open', 'audited'],
  policy: [],
  must: ['sealed'],
  attestation: Uint8Array.of(1, 2),
};

/** As it was written before `wallet` and `bond` went: readers ignore them. */
export const olderFullOffer = { ...fullOffer, wallet: '0x00', bond: '0x01' };

/** Of a peer that is paid: a model with a price, and where the money goes. */
export const pricedOffer: Offer = {
  ...offer,
  seq: offer.seq + 6,
  models: [{ ...offer.models[0]!, price: { in: '100000', out: '400000' } }],
  payout: {
    chain: 8453,
    provider: `0x${'1a'.repeat(20)}`,
    providerSigner: `0x${'2b'.repeat(20)}`,
    delay: 86_400,
    depositMin: '1000000',
  },
};

export const paidJob: Job = {
  ...job,
  id: '101112131415161718191a1b1c1d1e1f',
  budget: '50000',
  payment: {
    chain: 8453,
    terms: {
      payer: `0x${'3c'.repeat(20)}`,
      payerSigner: `0x${'4d'.repeat(20)}`,
      provider: pricedOffer.payout!.provider,
      providerSigner: pricedOffer.payout!.providerSigner,
      token: `0x${'5e'.repeat(20)}`,
      delay: 86_400,
      deadline: 0,
      salt: `0x${'6f'.repeat(32)}`,
    },
    price: pricedOffer.models[0]!.price,
  },
};

const voucher = encodeVoucher({
  channelId: `0x${'7a'.repeat(32)}`,
  cumulativeAmount: 1_027n,
  signature: `0x${'8b'.repeat(65)}`,
});

export const claimingOffer: Offer = {
  ...offer,
  seq: offer.seq + 4,
  role: 'native',
  hardware: { gpus: [{ name: 'NVIDIA H200', memoryMiB: 143_771 }], driver: '570.86.15', runtime: 'CUDA 12.8' },
};

/** Of a machine that measured itself, and pays another provider while it is busy. */
export const payingOffer: Offer = {
  ...claimingOffer,
  seq: claimingOffer.seq + 1,
  hardware: { ...claimingOffer.hardware!, status: 'measured' },
  models: [
    ...offer.models,
    {
      ...offer.models[0]!,
      name: `${offer.models[0]!.name}:upstream`,
      artefact: 'c'.repeat(64),
      measured: undefined,
      upstream: true,
    },
  ],
};

/** Of a peer whose owner chose a name for it. */
export const namedOffer: Offer = { ...offer, seq: offer.seq + 7, nickname: 'Füchsin 🦊' };

export const goodbye: Offer = {
  ...offer,
  seq: offer.seq + 1,
  issuedAt: offer.issuedAt + 1,
  draining: true,
  models: [],
};

function rootOf(of: readonly Part[]) {
  const output = createOutputRoot(chat.outputHash);
  for (const part of of) output.add(part);
  return output.summary();
}

export const delivered: Delivered = {
  job,
  asker: asker.peer,
  engine: offer.engine,
  output: rootOf(parts),
  reason: 'stop',
  tokensIn: 21,
  timings: { queuedMs: 0, ttftMs: 38.5, decodeMs: 20.25 },
  price: { in: '0', out: '0' },
  issuedAt: 1_700_000_001_000,
  prevWorker: chainStart,
};

export const checkpoint: Checkpoint = {
  jobId: job.id,
  asker: asker.peer,
  worker: worker.peer,
  artefact: job.artefact,
  promptHash: promptHash(job),
  resumedTokens: 0,
  tokensOut: 2,
  outputRoot: rootOf(parts.slice(0, 2)).outputRoot,
  outputForm: 'token-ids',
  issuedAt: 1_700_000_000_500,
};

export const paidDelivery: Delivered = {
  ...delivered,
  job: paidJob,
  reason: 'budget',
  price: paidJob.payment!.price,
  payment: { chain: 8453, channel: `0x${'7a'.repeat(32)}`, total: '5' },
};

export const dueCheckpoint: Checkpoint = { ...checkpoint, jobId: paidJob.id, due: '3' };

export const tally: Tally = {
  peer: asker.peer,
  seq: 1_700_000_000_007,
  issuedAt: 1_700_000_002_000,
  ttlMs: 86_400_000,
  received: [
    { peer: worker.peer, work: 9_007_199_254_740_991 },
    { peer: createSigner(new Uint8Array(32).fill(3)).peer, work: 1 },
  ],
};

export const wish: Wish = {
  peer: asker.peer,
  issuedAt: 1_700_000_000_000,
  ttlMs: 600_000,
  artefacts: manifests.map(artefactId),
};

export const envelopes = {
  offer: signOffer(offer, worker),
  goodbye: signOffer(goodbye, worker),
  fullOffer: signEnvelope('offer', olderFullOffer, worker),
  claimingOffer: signOffer(claimingOffer, worker),
  payingOffer: signOffer(payingOffer, worker),
  receipt: issueReceipt(delivered, worker).envelope,
  checkpoint: signEnvelope('checkpoint', checkpoint, worker),
  countersign: countersign(issueReceipt(delivered, worker), chainStart, asker),
  tally: signTally(tally, asker),
  pricedOffer: signOffer(pricedOffer, worker),
  paidReceipt: issueReceipt(paidDelivery, worker).envelope,
  dueCheckpoint: signEnvelope('checkpoint', dueCheckpoint, worker),
  wish: decodeEnvelope(writeWish(wish, asker)),
  namedOffer: signOffer(namedOffer, worker),
  wishTakenBack: decodeEnvelope(writeWish({ ...wish, issuedAt: wish.issuedAt + 1, artefacts: [] }, asker)),
} as const;

/** The same job again, twice, each time as what follows the first: two histories. */
const [firstReceipt, secondReceipt] = [1, 2].map((later) =>
  issueReceipt(
    { ...delivered, issuedAt: delivered.issuedAt + later, prevWorker: receiptHash(envelopes.receipt) },
    worker,
  ),
) as [OpenedReceipt, OpenedReceipt];
const [firstCountersign, secondCountersign] = [firstReceipt, secondReceipt].map((receipt) =>
  countersign(receipt, receiptHash(envelopes.countersign), asker),
) as [Envelope, Envelope];

export const links = [
  { side: 'worker', peer: worker.peer, prev: chainStart, hash: receiptHash(envelopes.receipt) },
  { side: 'asker', peer: asker.peer, prev: chainStart, hash: receiptHash(envelopes.countersign) },
  { side: 'worker', peer: worker.peer, prev: receiptHash(envelopes.receipt), hash: firstReceipt.hash },
] as const;

export const tallyFrames: Readonly<Record<string, TallyFrame>> = {
  have: { t: 'have', forked: [worker.peer], links: concatBytes(...links.map((link) => linkDigest(link.side, link))) },
  'have, of nothing': { t: 'have', forked: [], links: Uint8Array.of() },
  tally: { t: 'tally', envelope: envelopes.tally },
  'link, a receipt': { t: 'link', envelope: envelopes.receipt },
  'link, a countersign': { t: 'link', envelope: envelopes.countersign },
  'fork of a worker': {
    t: 'fork',
    fork: { side: 'worker', left: firstReceipt.envelope, right: secondReceipt.envelope },
  },
  'fork of an asker': { t: 'fork', fork: { side: 'asker', left: firstCountersign, right: secondCountersign } },
};

const usage = { tokensIn: 21, tokensOut: 5 };

export const askerFrames: Readonly<Record<string, AskerFrame>> = {
  open: { t: 'open', job },
  'open, resumed': { t: 'open', job: resumedJob },
  blob: { t: 'blob', sha256: '55'.repeat(32), bytes: Uint8Array.of(0, 127, 128, 255) },
  cancel: { t: 'cancel', jobId: job.id },
  countersign: { t: 'countersign', envelope: envelopes.countersign },
  pay: { t: 'pay', voucher: Uint8Array.of(1, 2, 3) },
  'open, paid': { t: 'open', job: paidJob },
  'pay, for a job': { t: 'pay', voucher, total: '27' },
};

export const workerFrames: Readonly<Record<string, WorkerFrame>> = {
  accepted: { t: 'accepted', position: 2, etaMs: 12_000 },
  refused: { t: 'refused', code: 'busy', message: 'All workers are busy.', retryAfterMs: 2_000 },
  'part, text with ids': { t: 'part', part: parts[0]! },
  'part, text alone': { t: 'part', part: { type: 'text-delta', text: '', tokens: 0 } },
  'part, warning': { t: 'part', part: parts[1]! },
  alive: { t: 'alive' },
  'alive, with its phase': { t: 'alive', phase: 'prefill', etaMs: 4_000 },
  checkpoint: { t: 'checkpoint', envelope: envelopes.checkpoint },
  finish: { t: 'finish', reason: 'stop', usage, receipt: envelopes.receipt },
  error: { t: 'error', code: 'engine-failed', message: 'The engine failed.' },
  'error, with a wait': { t: 'error', code: 'busy', message: 'Later.', retryAfterMs: 500 },
  'accepted, with what is due': { t: 'accepted', position: 0, etaMs: 0, tokensIn: 21, due: '3' },
  'accepted, paid before': { t: 'accepted', position: 0, etaMs: 0, tokensIn: 21, due: '3', paid: '3' },
  'alive, starved': { t: 'alive', phase: 'starved' },
  'checkpoint, with what is due': { t: 'checkpoint', envelope: envelopes.dueCheckpoint },
  'finish, paid': { t: 'finish', reason: 'budget', usage, receipt: envelopes.paidReceipt },
  'refused, unpaid': { t: 'refused', code: 'payment-required', message: 'This model is not free here.' },
};

export const findRequests: Readonly<Record<string, FindRequest>> = {
  'find anything': { limit: 16 },
  'find one model': { artefact: job.artefact, tier: 'open', limit: 64 },
  'find what a model can do': { features: ['tools', 'json-schema'], limit: 16 },
  'find a name': { name: 'my-model', kind: 'embedding', limit: 16 },
};

export const closeRequests: Readonly<Record<string, CloseRequest>> = {
  close: { chain: paidJob.payment!.chain, terms: paidJob.payment!.terms, signature: `0x${'1b'.repeat(65)}` },
};

export const closeFrames: Readonly<Record<string, CloseFrame>> = {
  agreed: {
    t: 'agreed',
    finalAmount: '1250',
    signature: `0x${'2c'.repeat(65)}`,
    voucher: `0x${'3d'.repeat(65)}`,
  },
  'agreed, with everything claimed': { t: 'agreed', finalAmount: '0', signature: `0x${'2c'.repeat(65)}` },
  'refused, a channel that is not known': { t: 'refused', code: 'wrong-channel', message: 'Unknown.' },
};

export const findFrames: Readonly<Record<string, FindFrame>> = {
  hello: { t: 'hello', peer: worker.peer, build: '0.1.0', network: 'small', peers: 2 },
  sample: { t: 'sample', offers: [envelopes.offer] },
  offer: { t: 'offer', offer: envelopes.goodbye },
  'hello, with the time': {
    t: 'hello',
    peer: worker.peer,
    build: '0.1.0',
    network: 'large',
    peers: 2,
    time: 1_700_000_000_000,
  },
  'sample, with labels': { t: 'sample', offers: [envelopes.offer, envelopes.goodbye], zones: ['4f1c9a7be2d03856', ''] },
  'offer, with a label': { t: 'offer', offer: envelopes.offer, zone: '4f1c9a7be2d03856' },
  gone: { t: 'gone', peer: worker.peer },
  network: { t: 'network', network: 'large' },
  alive: { t: 'alive' },
};
