import { chargeOf, nextInputStep, outputWithin } from '#lib/protocol/charge.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Price } from '#lib/protocol/price.ts';

/** What a paid job may cost, as it was admitted. Amounts are in the smallest unit. */
export interface Charge {
  readonly price: Price;
  readonly budget: bigint;
  /** Units of input that are billed. */
  readonly tokensIn: number;
}

/** The money of one job at its worker, over all channels that follow it. A free job has none. */
export interface Account extends Charge {
  /** The channel that pays has been admitted. */
  readonly isOpen: boolean;
  /** Credited when it was opened: what an earlier stage of the job was paid for. Totals count from there. */
  readonly base: bigint;
  /** Units of input that payment was asked for. */
  readonly inputAsked: number;
  /** The running total that was asked for; never falls. */
  readonly due: bigint;
  readonly paid: bigint;
  /** Units of output that `paid` covers, and those that the budget has room for. */
  readonly covered: number;
  readonly outputMax: number;
  /** Units of output that come while a payment is on its way, as lately seen. */
  readonly lagTokens: number;
}

/** Where nothing was seen yet, and at most: a payment may take as long as half a chunk does. */
const lagTokensMax = (limits.unpaidTokensMax - limits.paidCheckpointTokens) / 2;
const lagTokensMin = (limits.unpaidTokensMax - limits.paidCheckpointTokensMax) / 2;

export function openAccount(charge: Charge): Account {
  const { price, budget, tokensIn } = charge;
  const outputMax = outputWithin(price, tokensIn, budget);
  return {
    ...charge,
    isOpen: false,
    base: 0n,
    inputAsked: 0,
    due: 0n,
    paid: 0n,
    covered: 0,
    outputMax,
    lagTokens: lagTokensMax,
  };
}

/** The channel that pays may be served. */
export const admit = (account: Account, base: bigint): Account =>
  credit({ ...account, isOpen: true, base, due: base }, base);

/** What is credited never falls: vouchers may come late. */
export function credit(account: Account, total: bigint): Account {
  const paid = total > account.paid ? total : account.paid;
  return { ...account, paid, covered: outputWithin(account.price, account.tokensIn, paid - account.base) };
}

/** Asks for the next step of the input that costs more than is paid; the same account where all of it is paid. */
export function askForInput(account: Account): Account {
  const { price, tokensIn, base, paid } = account;
  for (let { inputAsked } = account; ;) {
    const due = base + chargeOf(price, { in: inputAsked, out: 0 });
    if (due > paid) return { ...account, inputAsked, due: larger(account.due, due) };
    if (inputAsked === tokensIn)
      return inputAsked === account.inputAsked ? account : { ...account, inputAsked, due: larger(account.due, due) };
    inputAsked = nextInputStep(tokensIn, inputAsked);
  }
}

/** Asks for what was sent, within the budget. @param tokensIn that an engine counted: of two counts the smaller is billed. */
export function askFor(account: Account, tokensOut: number, tokensIn = account.tokensIn): Account {
  const { price, budget, base } = account;
  const cost = chargeOf(price, { in: Math.min(tokensIn, account.tokensIn), out: tokensOut });
  return { ...account, due: larger(account.due, base + (cost < budget ? cost : budget)) };
}

/**
 * After a payment, with `sinceAsked` units of output sent since the last one was asked for. A slower payment counts at once, a
 * faster one by half; one that does not cover what was asked is slower than all.
 */
export function noteLag(account: Account, sinceAsked: number): Account {
  const seen = isSettled(account) ? Math.min(sinceAsked, lagTokensMax) : lagTokensMax;
  const lagTokens = seen > account.lagTokens ? seen : Math.ceil((seen + account.lagTokens) / 2);
  return { ...account, lagTokens };
}

/**
 * Units of output from one asking to the next: as many as leave room within a chunk for a payment that takes twice as long as lately,
 * since each costs both sides a signature, a write and a frame.
 */
export const askingInterval = ({ lagTokens }: Account): number =>
  limits.unpaidTokensMax - 2 * Math.max(lagTokens, lagTokensMin);

export const isSettled = ({ due, paid }: Account): boolean => paid >= due;

/** A chunk and more has been sent unpaid: the engine waits. */
export const isStarved = ({ covered }: Account, tokensOut: number): boolean =>
  tokensOut - covered >= limits.unpaidTokensMax;

/** So much output costs more than the asker allows. */
export const isOver = ({ outputMax }: Account, tokensOut: number): boolean => tokensOut > outputMax;

/** The members of `accepted` that speak of money. */
export function chargedOf(
  account: Account,
): Pick<Extract<WorkerFrame, { t: 'accepted' }>, 'tokensIn' | 'due' | 'paid'> {
  const { price, tokensIn, base, inputAsked, paid } = account;
  const due = base + chargeOf(price, { in: inputAsked, out: 0 });
  return {
    tokensIn,
    ...(due > base ? { due: due.toString() } : {}),
    ...(paid > 0n ? { paid: paid.toString() } : {}),
  };
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
