import { wireErrors } from '#lib/protocol/errors.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import {
  claimInput,
  claimOutput,
  costOf,
  isPaidUp,
  nextPromise,
  promised,
  type AskerAccount,
} from './asker-account.ts';
import { tell } from './asker-begin.ts';
import { breach } from './asker-end.ts';
import type { AskerEffect, AskerEvent, AskerState, AskerStep, Current } from './asker-spec.ts';
import type { AttemptEnd } from './attempt-end.ts';

/*
 * What a paid job has beside a free one: each claim of the worker is checked against this side's own count, and what is owed is
 * promised, one total after the other.
 */

const none: readonly AskerEffect[] = [];

/** What a claim comes to. `refused`: it is more than there can be. */
export type Claim =
  { readonly type: 'owed'; readonly account: AskerAccount } | { readonly type: 'none' } | { readonly type: 'refused' };

const nothing: Claim = { type: 'none' };
const refused: Claim = { type: 'refused' };
const claimed = (account: AskerAccount | undefined): Claim => (account ? { type: 'owed', account } : refused);

/** What a checkpoint asks for, and what had come by then: the sum of the parts' tokens, and the bytes of their text. */
export interface CheckpointClaim {
  readonly due: string;
  readonly tokensOut: number;
  readonly bytes: number;
}

/** Whoever pays nothing is asked for nothing. */
const isCharged = (due: string | undefined): boolean => due !== undefined && due !== '0';

export function afterAccepted({ account }: Current, frame: Extract<WorkerFrame, { t: 'accepted' }>): Claim {
  if (!account) return isCharged(frame.due) ? refused : nothing;
  return claimed(claimInput(account, frame));
}

export function afterCheckpoint({ account }: Current, claim: CheckpointClaim | undefined): Claim {
  if (!account) return isCharged(claim?.due) ? refused : nothing;
  return claim ? claimed(claimOutput(account, { ...claim, due: BigInt(claim.due) })) : nothing;
}

/** Pays what a claim comes to, after the step that it belongs to. */
export function payFor(step: AskerStep, claim: Claim, at: number): AskerStep {
  const [state, effects] = step;
  if (claim.type === 'none' || !state.current) return step;
  if (claim.type === 'refused') {
    const [after, more] = breach(state, at, 'The peer asked for more than its work costs. Try another peer.');
    return [after, [...effects, ...more]];
  }
  const [paying, more] = promiseNext(state, state.current, claim.account);
  return [paying, [...effects, ...more]];
}

/** The promise is stored: it goes out, and the next one is asked for if more is owed by now. */
export function keepPromise(
  state: AskerState,
  current: Current,
  { at, attempt, total, voucher }: Extract<AskerEvent, { type: 'promised' }>,
): AskerStep {
  if (!current.account) return [state, none];
  const account = promised(current.account, total, voucher);
  const [told, telling] = tell(state, {
    type: 'job-paid',
    at,
    chain: account.chain,
    total: (state.spent + costOf(account)).toString(),
  });
  const [next, more] = promiseNext(told, current, account);
  return [next, [{ type: 'send', attempt, frame: account.last! }, ...telling, ...more]];
}

/** The worker says that it waits: what was sent may have been lost with a channel. */
export const payAgain = ({ account, attempt }: Current): readonly AskerEffect[] =>
  account?.last ? [{ type: 'send', attempt, frame: account.last }] : none;

function promiseNext(state: AskerState, current: Current, account: AskerAccount): AskerStep {
  const amount = nextPromise(account);
  const kept = amount === undefined ? account : { ...account, asking: amount };
  const { attempt } = current;
  return [
    { ...state, current: { ...state.current!, account: kept } },
    amount === undefined ? none : [{ type: 'promise', attempt, total: account.base + amount }],
  ];
}

/** The worker has ended the answer unpaid. It is held against nobody; one that was paid all it asked for is not asked next. */
export function unpaidEnd({ account }: Current, at: number): AttemptEnd {
  const reason = account && isPaidUp(account) ? 'said-unpaid' : 'unpaid';
  const message = wireErrors['payment-refused'].message;
  return { type: 'lost', at, error: { code: 'payment-refused', message, details: { reason } } };
}
