import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { signClaimOrder } from '#lib/pay/claim-order.ts';
import { claimOrderRecord } from '#lib/pay/order-store.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';
import type { ClaimerOutcome, ClaimerTask } from './claimer.ts';
import { claimOf, openSessionChannel } from './open-channel.fixture.ts';

let local: LocalChain;
beforeAll(async () => {
  local = await startLocalChain();
});
afterAll(() => local.stop());

const claimer = fileURLToPath(new URL('claimer.ts', import.meta.url));

/** Runs another process to its end; it ends by itself, or with the test's. */
async function run(task: ClaimerTask, signal: AbortSignal): Promise<ClaimerOutcome> {
  const child = spawn(process.execPath, [claimer], { stdio: ['pipe', 'pipe', 'inherit'], signal });
  child.stdin.end(JSON.stringify(task));
  return JSON.parse(await text(child.stdout)) as ClaimerOutcome;
}

/** Three channels of one payer, each with a voucher of 1,000 units. */
async function prepare() {
  const chain = local.chain();
  const [payer, provider] = await Promise.all([local.person(100_000n), local.person(0n)]);
  const claims = [];
  for (let i = 0; i < 3; i++) {
    const { terms } = await openSessionChannel(chain, payer, provider, 10_000n);
    claims.push(await claimOf(chain, payer, terms, 1_000n));
  }
  const { timestamp } = await chain.head();
  const signed = await signClaimOrder(chain, provider.wallet, {
    claims,
    relay: null,
    feePerClaim: 0n,
    validBefore: timestamp + 3_600,
  });
  return { chain, provider, order: claimOrderRecord(signed) };
}

/** Starts both, and mines only when both transactions wait: neither can have seen the other's work. */
async function race(senders: readonly Person[], order: ClaimerTask['order'], waiting: number, signal: AbortSignal) {
  await local.clients.clock.setAutomine(false);
  const running = Promise.all(senders.map(({ key }) => run({ rpcUrl: local.anvil.url, key, order }, signal)));
  const pending = async () => Number((await local.clients.clock.getTxpoolStatus()).pending);
  while ((await pending()) < waiting) await systemClock.delay(20, { signal });
  await local.clients.clock.setAutomine(true);
  await local.mine(1);
  return running;
}

test('two processes with keys of their own claim the same channels: each unit is credited once', async ({ signal }) => {
  const { chain, provider, order } = await prepare();
  const senders = [await local.person(0n), await local.person(0n)];
  const outcomes = await race(senders, order, 2, signal);
  expect(outcomes.map(({ credited }) => credited).toSorted()).toEqual([0, 3]);
  expect(outcomes.flatMap(({ skipped }) => skipped)).toEqual(['stale', 'stale', 'stale']);
  expect(await chain.owed(provider.address)).toBe(2_700n);
});

test('two processes with one key: whoever comes late finds it done, and nothing is credited twice', async ({
  signal,
}) => {
  const { chain, provider, order } = await prepare();
  const outcomes = await race([provider, provider], order, 1, signal);
  // Both may have sent the very same transaction; or the later one replaced it, was replaced, or had nothing left.
  const winners = outcomes.filter(({ credited }) => credited === 3);
  expect(new Set(winners.map(({ hash }) => hash)).size).toBe(1);
  for (const { code, credited } of outcomes)
    expect([`done 3`, `done 0`, `nothing-to-claim 0`]).toContain(`${code} ${credited}`);
  expect(await chain.owed(provider.address)).toBe(2_700n);
});
