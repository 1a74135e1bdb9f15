import { beforeAll, expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import type { Net } from '#lib/net/spec.ts';
import { loadCurve } from '#lib/pay/curve.ts';
import { payError } from '#lib/pay/errors.ts';
import { parties, testTerms } from '#lib/pay/pay.fixture.ts';
import type { Agreement, Till } from '#lib/pay/ports.ts';
import { asSent } from '#lib/pay/terms.ts';
import { closeProtocol, encodeCloseFrame, type CloseRequest } from '#lib/protocol/closing.ts';
import { limits } from '#lib/protocol/limits.ts';
import { askToClose } from './ask/close-channel.ts';
import { createBank } from './payments.fixture.ts';
import { createWorld, paidPrice, until } from './peer.fixture.ts';
import { createChannelCloser } from './serve/close-channels.ts';

beforeAll(async () => void (await loadCurve()));

const request: CloseRequest = { chain: 31_337, terms: asSent(testTerms()), signature: `0x${'11'.repeat(65)}` };
const agreement: Agreement = { finalAmount: 40n, signature: `0x${'22'.repeat(65)}`, voucher: `0x${'33'.repeat(65)}` };

/** A worker that is paid on the channel's payout, and an asker. */
async function pair(agree: Till['agree']) {
  const world = createWorld();
  const { clock, directory } = world;
  const lower = (text: string) => text.toLowerCase() as `0x${string}`;
  const payout = {
    chain: 31_337,
    provider: lower(parties.provider),
    providerSigner: lower(parties.providerSigner),
    delay: 86_400,
    depositMin: '0',
  };
  const till: Till = { ...createBank().till(1), payouts: [payout], ...(agree ? { agree } : {}) };
  const worker = await world.worker(1, { price: paidPrice, provider: { till } });
  const closer = createChannelCloser({ net: worker.net, till, clock, logger: silentLogger });
  await closer.start();
  const { net } = await world.asker(40);
  const ask = (changes: Partial<CloseRequest> = {}) =>
    settled(askToClose({ net, directory, clock }, { ...request, ...changes }));
  return { world, closer, worker, net, ask };
}

/** The outcome, without a rejection that nobody waits for. */
function settled<T>(promise: Promise<T>) {
  const outcome: { value?: T; code?: string; over: boolean } = { over: false };
  promise
    .then(
      (value) => (outcome.value = value),
      (error: { code: string }) => (outcome.code = error.code),
    )
    .finally(() => (outcome.over = true));
  return outcome;
}

test('a channel is closed at what the till agrees to', async () => {
  const asked: unknown[] = [];
  const { world, ask } = await pair(async (given) => (asked.push(given), agreement));
  const outcome = ask();
  await until(world.clock, () => outcome.over);
  expect(outcome.value).toEqual(agreement);
  expect(asked).toEqual([request]);
});

test('what the till refuses with reaches the asker', async () => {
  const { world, ask } = await pair(() => Promise.reject(payError('wrong-channel')));
  const outcome = ask();
  await until(world.clock, () => outcome.over);
  expect(outcome.code).toBe('wrong-channel');
});

test('what went wrong inside the worker stays there', async () => {
  const { world, ask } = await pair(() => Promise.reject(new Error('the disk has a name')));
  const outcome = ask();
  await until(world.clock, () => outcome.over);
  expect(outcome.code).toBe('channel-lost');
});

test('nobody is asked for a channel that nobody listed is paid on', async () => {
  const { world, ask } = await pair(async () => agreement);
  const outcome = ask({ chain: 1 });
  await until(world.clock, () => outcome.over);
  expect(outcome.code).toBe('no-peer-available');
});

test('a till that cannot agree refuses, and a closer that was stopped says nothing', async () => {
  const without = await pair(undefined);
  const outcome = without.ask();
  await until(without.world.clock, () => outcome.over);
  expect(outcome.code).toBe('not-allowed');
  const { world, closer, ask } = await pair(async () => agreement);
  await closer.stop();
  const after = ask();
  await until(world.clock, () => after.over);
  expect(after.code).toBe('protocol-unknown');
});

test('an asker that says nothing, nonsense, or asks twice at once is cut off', async () => {
  let asked = 0;
  const { world, worker, net } = await pair(() => ((asked += 1), new Promise(() => undefined)));
  const open = (from: Net) => from.open(worker.net.self, closeProtocol);
  const silent = await open(net);
  await until(world.clock, () => silent.closed.aborted, limits.closeRequestMs + 1_000);
  const mad = await open(net);
  await mad.send(Uint8Array.of(0xff));
  await until(world.clock, () => mad.closed.aborted);
  const [first, second] = [await open(net), await open(net)];
  await until(world.clock, () => second.closed.aborted);
  expect(first.closed.aborted).toBe(false);
  // Not even a till that never answers keeps a place for ever.
  await until(world.clock, () => first.closed.aborted, limits.closeAnswerMs + 1_000);
  expect(asked).toBe(0);
});

test('a worker that never answers is left; another is believed', async () => {
  const { world, worker, ask } = await pair(undefined);
  worker.net.handle(closeProtocol, () => new Promise(() => undefined));
  const outcome = ask();
  await until(world.clock, () => outcome.over, limits.closeAnswerMs + 1_000);
  expect(outcome.code).toBe('peer-lost');
  worker.net.handle(closeProtocol, async (channel) => {
    await channel.send(encodeCloseFrame({ t: 'agreed', finalAmount: '7', signature: agreement.signature }));
    await channel.close();
  });
  const other = ask();
  await until(world.clock, () => other.over);
  expect(other.value).toEqual({ finalAmount: 7n, signature: agreement.signature, voucher: undefined });
});
