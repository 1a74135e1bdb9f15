/** One process that claims what it is told to on standard input, and says on standard output what came of it. */
import { text } from 'node:stream/consumers';
import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { parseClaimOrder, type ClaimOrderRecord } from '#lib/pay/order-store.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';

export interface ClaimerTask {
  readonly rpcUrl: string;
  readonly key: string;
  /** Claims in the form in which they are stored. */
  readonly order: ClaimOrderRecord;
}

export interface ClaimerOutcome {
  readonly code: string;
  readonly hash: string;
  readonly credited: number;
  readonly skipped: readonly string[];
}

const task = JSON.parse(await text(process.stdin)) as ClaimerTask;
const entry = { ...deployedChain(31337), rpcUrl: task.rpcUrl };
const chain = createChain({ clock: systemClock, fetch }, { entry, limits: { pollMs: 20, nonceLostAfterMs: 500 } });
const { claims } = parseClaimOrder(task.order);
const wallet = localWallet(task.key);
const say = (outcome: ClaimerOutcome) => process.stdout.write(JSON.stringify(outcome));
try {
  const done = await claim({ chain, vouchers: createVoucherSigner(entry) }, wallet, claims);
  const skipped = done.skipped.map(({ refusal }) => refusal);
  say({ code: 'done', hash: done.hash, credited: done.credited.length, skipped });
} catch (error) {
  say({ code: errorCode(error), hash: '', credited: 0, skipped: [] });
}
