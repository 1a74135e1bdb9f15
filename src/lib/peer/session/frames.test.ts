import { expect, test } from 'vitest';
import { createChannelPair } from '#lib/net/pair.ts';
import type { Channel } from '#lib/net/spec.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { checkpointSchema } from '#lib/protocol/checkpoint.ts';
import { countersignSchema, receiptSchema } from '#lib/protocol/receipt.ts';
import { openEnvelope, signChecked } from '#lib/protocol/envelope.ts';
import type { AskerFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import { jobKinds } from '#lib/protocol/kinds/table.ts';
import {
  askerFixture,
  checkpointFixture,
  countersignFixture,
  jobFixture,
  receiptEnvelopeFixture,
  receiptFixture,
  workerFixture,
} from '#lib/protocol/protocol.fixture.ts';
import {
  messagesOf,
  readAskerFrame,
  readWorkerFrame,
  readyAskerFrame,
  sendAskerFrame,
  sendWorkerFrame,
} from './frames.ts';

const inProcess = () => createChannelPair({ near: 'a', far: 'b', path: 'loopback', handsValues: true });
const overNetwork = () => createChannelPair({ near: 'a', far: 'b', path: 'direct' });
const nextOf = async (channel: Channel) => {
  const next = await messagesOf(channel)[Symbol.asyncIterator]().next();
  if (next.done) throw new Error('nothing was sent');
  return next.value;
};
const isBytes = (message: unknown) => message instanceof Uint8Array;

const usage = { tokensIn: 21, tokensOut: 2 };
const ownReceipt = signChecked('receipt', receiptSchema, receiptFixture, workerFixture);
const ownCheckpoint = signChecked('checkpoint', checkpointSchema, checkpointFixture, workerFixture);
const open = (text: string): AskerFrame => ({
  t: 'open',
  job: { ...jobFixture, kind: 'completion', input: { prompt: text } } as typeof jobFixture,
});

const workerFrames: readonly (readonly [WorkerFrame, 'handed' | 'bytes'])[] = [
  [{ t: 'accepted', position: 0, etaMs: 0 }, 'handed'],
  [{ t: 'alive', phase: 'prefill' }, 'handed'],
  [{ t: 'part', part: { type: 'text-delta', text: 'Hi', tokens: 1 } }, 'handed'],
  [{ t: 'part', part: { type: 'warning', code: 'usage-estimated', message: 'An estimate.' } }, 'handed'],
  [{ t: 'part', part: { type: 'embedding', index: 0, vector: new Uint8Array(8) } }, 'bytes'],
  [{ t: 'refused', code: 'busy', message: 'Later.' }, 'bytes'],
  [{ t: 'checkpoint', envelope: ownCheckpoint }, 'handed'],
  [{ t: 'checkpoint', envelope: { ...ownCheckpoint } }, 'bytes'],
  [{ t: 'finish', reason: 'stop', usage, receipt: ownReceipt }, 'handed'],
  [{ t: 'finish', reason: 'stop', usage, receipt: receiptEnvelopeFixture }, 'handed'],
];

test.each(workerFrames)('a worker’s frame arrives as it was sent: %o %s', async (frame, how) => {
  for (const { near, far } of [inProcess(), overNetwork()]) {
    await sendWorkerFrame(far, frame);
    const message = await nextOf(near);
    expect(isBytes(message)).toBe(how === 'bytes' || far.values === undefined);
    expect(readWorkerFrame(message)).toEqual(frame);
  }
});

test('a receipt that was signed in this process stays the same object within it, and no other does', async () => {
  const { near, far } = inProcess();
  for (const [receipt, same] of [
    [ownReceipt, true],
    [{ ...ownReceipt }, false],
  ] as const) {
    await sendWorkerFrame(far, { t: 'finish', reason: 'stop', usage, receipt });
    const frame = readWorkerFrame(await nextOf(near));
    expect(frame.t === 'finish' && frame.receipt === receipt).toBe(same);
  }
});

test('a checkpoint that was signed in this process is not verified again, and no other goes without', async () => {
  const { near, far } = inProcess();
  await sendWorkerFrame(far, { t: 'checkpoint', envelope: ownCheckpoint });
  const frame = readWorkerFrame(await nextOf(near));
  expect(frame.t === 'checkpoint' && frame.envelope === ownCheckpoint).toBe(true);
  const forged = { ...ownCheckpoint, payload: encodeCbor({ ...checkpointFixture, tokensOut: 1 }) };
  const { peer, record } = openEnvelope('checkpoint', checkpointSchema, ownCheckpoint);
  expect([peer, record]).toEqual([workerFixture.peer, checkpointFixture]);
  expect(() => openEnvelope('checkpoint', checkpointSchema, forged)).toThrow(
    expect.objectContaining({ code: 'bad-signature' }),
  );
});

test('a countersign, too', async () => {
  const { near, far } = inProcess();
  const envelope = signChecked('countersign', countersignSchema, countersignFixture, askerFixture);
  await sendAskerFrame(near, { t: 'countersign', envelope }, jobKinds);
  const frame = readAskerFrame(await nextOf(far), jobKinds);
  expect(frame.t === 'countersign' && frame.envelope === envelope).toBe(true);
});

test('a job is handed over checked, and travels as bytes where it might exceed a frame', async () => {
  for (const [text, bytes] of [
    ['short', false],
    ['x'.repeat(100_000), true],
  ] as const) {
    const { near, far } = inProcess();
    await readyAskerFrame(open(text), jobKinds).sendOn(near);
    const message = await nextOf(far);
    expect(isBytes(message)).toBe(bytes);
    expect(readAskerFrame(message, jobKinds)).toMatchObject({ t: 'open', job: { input: { prompt: text } } });
  }
});

test('what the wire would refuse is refused within the process as well', async () => {
  const { near, far } = inProcess();
  const tooLong = open('x'.repeat(300_000));
  expect(() => readyAskerFrame(tooLong, jobKinds)).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  const wrong = { t: 'open', job: { ...jobFixture, deadlineMs: -1 } } as AskerFrame;
  expect(() => readyAskerFrame(wrong, jobKinds)).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  const badFrame = expect.objectContaining({ code: 'bad-frame' });
  await expect(sendWorkerFrame(far, { t: 'accepted', position: -1, etaMs: 0 })).rejects.toEqual(badFrame);
  const large = { ...ownReceipt, payload: new Uint8Array(9_000) };
  await expect(sendWorkerFrame(far, { t: 'finish', reason: 'stop', usage, receipt: large })).rejects.toEqual(badFrame);
  const forged = { ...ownReceipt, sig: new Uint8Array(1) };
  await expect(sendAskerFrame(near, { t: 'countersign', envelope: forged }, jobKinds)).rejects.toEqual(badFrame);
});
