import { chargeOf, outputWithin } from '#lib/protocol/charge.ts';
import type { AskerFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Price } from '#lib/protocol/price.ts';

/** What was agreed on for one attempt at a paid job. Amounts are in the smallest unit. */
export interface Terms {
  readonly chain: number;
  readonly price: Price;
  /** The most that the attempt may cost. */
  readonly budget: bigint;
  /** The most units that its input may be billed for. */
  readonly inputMax: number;
  /** What the purse has promised for the job before this attempt. */
  readonly base: bigint;
}

/**
 * The money of one attempt at its asker: what the worker claims, what is owed by this side's own count, and what is promised. All
 * of it counts from the attempt's beginning: the purse's totals begin at `base`, those of the worker at `from`.
 */
export interface AskerAccount extends Terms {
  /** Units of input as the worker claims them; undefined until it does. What a worker asks for without it is not paid. */
  readonly tokensIn: number | undefined;
  /** What it says it had credited before. */
  readonly from: bigint;
  /** The newest claim, and what of it is owed. */
  readonly due: bigint;
  readonly owed: bigint;
  /** In the hands of the purse. */
  readonly asking: bigint | undefined;
  /** Stored and sent. */
  readonly promised: bigint;
  /** The last totals: a receipt that was signed while payments were on their way names an earlier one. */
  readonly totals: readonly bigint[];
  readonly last: Extract<AskerFrame, { t: 'pay' }> | undefined;
}

export const openAskerAccount = (terms: Terms): AskerAccount => ({
  ...terms,
  tokensIn: undefined,
  from: 0n,
  due: 0n,
  owed: 0n,
  asking: undefined,
  promised: 0n,
  totals: [0n],
  last: undefined,
});

/** Text has at least a byte for each token, but for a few that show as nothing. */
const silentTokens = 16;

/** After the worker's claim for the input. Undefined: it claims more than the input can be, or more than the next step of it. */
export function claimInput(
  account: AskerAccount,
  { tokensIn, due = '0', paid = '0' }: Pick<Extract<WorkerFrame, { t: 'accepted' }>, 'tokensIn' | 'due' | 'paid'>,
): AskerAccount | undefined {
  const { price, inputMax } = account;
  if (tokensIn === undefined) return account;
  if (tokensIn > inputMax || (account.tokensIn ?? tokensIn) !== tokensIn) return undefined;
  const from = account.tokensIn === undefined ? BigInt(paid) : account.from;
  const claimed = BigInt(due) - from;
  const covered = outputWithin({ in: '0', out: price.in }, 0, account.promised);
  const step = chargeOf(price, { in: Math.min(tokensIn, covered + limits.inputStepTokens), out: 0 });
  if (claimed > step) return undefined;
  return owing({ ...account, tokensIn, from }, claimed, chargeOf(price, { in: tokensIn, out: 0 }));
}

/**
 * After a claim for what was sent: `tokensOut` is the sum of the parts' tokens, `bytes` that of their text. Undefined: it claims
 * more than it sent. Of two counts the smaller is owed.
 */
export function claimOutput(
  account: AskerAccount,
  { due, tokensOut, bytes }: { readonly due: bigint; readonly tokensOut: number; readonly bytes: number },
): AskerAccount | undefined {
  const { price, tokensIn, from } = account;
  if (tokensIn === undefined) return account;
  const claimed = due - from;
  if (claimed > chargeOf(price, { in: tokensIn, out: tokensOut })) return undefined;
  return owing(account, claimed, chargeOf(price, { in: tokensIn, out: Math.min(tokensOut, bytes + silentTokens) }));
}

/** Never more than the budget, and never less than before. */
function owing(account: AskerAccount, claimed: bigint, cost: bigint): AskerAccount {
  const owed = smaller(claimed, smaller(cost, account.budget));
  return { ...account, due: larger(account.due, claimed), owed: larger(account.owed, owed) };
}

/** What is to be promised now: one promise at a time, and the newest. */
export const nextPromise = ({ asking, owed, promised }: AskerAccount): bigint | undefined =>
  asking === undefined && owed > promised ? owed : undefined;

export function promised(account: AskerAccount, total: bigint, voucher: Uint8Array): AskerAccount {
  const amount = total - account.base;
  const last = { t: 'pay', voucher, total: (account.from + amount).toString() } as const;
  const least = leastCredited(account, amount);
  const totals = [...account.totals, amount].filter((one) => one >= least);
  return { ...account, asking: undefined, promised: amount, totals, last };
}

/** What a worker must have credited when `amount` is promised: its input once it has begun, and all but a chunk. */
function leastCredited({ price, tokensIn = 0 }: AskerAccount, amount: bigint): bigint {
  const input = chargeOf(price, { in: tokensIn, out: 0 });
  if (amount <= input) return amount - chargeOf(price, { in: limits.inputStepTokens, out: 0 });
  return larger(input, amount - chargeOf(price, { in: 0, out: limits.unpaidTokensMax }) - 1n);
}

/** The totals that the worker's receipt may name. */
export const receiptTotals = ({ from, totals }: AskerAccount): readonly string[] =>
  totals.map((amount) => (from + amount).toString());

/** What the attempt has cost, a promise that may have been stored included. */
export const costOf = ({ asking = 0n, promised: amount }: AskerAccount): bigint => larger(asking, amount);

/** Everything that was asked for has been promised. */
export const isPaidUp = ({ due, promised: amount, owed }: AskerAccount): boolean => amount >= due && amount >= owed;

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
