import { toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Candidate } from '#lib/market/spec.ts';
import type { ChannelTerms } from '#lib/pay/spec.ts';
import { inputUnitsMax, isFree } from '#lib/protocol/charge.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { JobPayment } from '#lib/protocol/payment.ts';
import type { Chosen } from '../session/asker-components.ts';
import type { AskerState } from '../session/asker-spec.ts';
import type { AskRequest } from '../spec.ts';
import { budgetLeft, type AskContext } from './search-known.ts';

interface Paying {
  readonly routing: { readonly state: AskerState; readonly signal: AbortSignal };
  readonly chosen: Chosen;
  readonly candidate: Candidate;
}

/**
 * The same choice with a channel that pays for it, or why there is none: before the worker hears of the job. What the purse says
 * blames nobody, and the worker is given back as if it had not been chosen.
 */
export async function payFor(
  request: AskRequest,
  { routing, chosen, candidate }: Paying,
  { purse, trackRecord, kinds }: AskContext,
): Promise<Chosen | { readonly error: ErrorRecord }> {
  const { price, job, worker } = chosen;
  const { payout } = candidate.entry.offer;
  const budget = budgetLeft(request, routing.state);
  if (isFree(price)) return chosen;
  const giveBack = (error: unknown) => {
    trackRecord.record(worker.peer, job.artefact, { type: 'unjudged' });
    return { error: toErrorRecord(error) };
  };
  if (!purse || !payout || budget === undefined) return giveBack(wireError('payment-required'));
  const { signal } = routing;
  try {
    const payment = await purse.open(payout, { id: job.id, peer: worker.peer, budget, tier: job.tier }, { signal });
    if (signal.aborted) {
      payment.end();
      return giveBack(wireError('cancelled'));
    }
    const { chain } = payment;
    const terms = { chain, price, budget, base: payment.promised(), inputMax: inputUnitsMax(job, kinds) };
    const named: JobPayment = { chain, terms: inWireForm(payment.terms), price };
    return { ...chosen, job: { ...job, budget: budget.toString(), payment: named }, paying: { payment, terms } };
  } catch (error) {
    return giveBack(error);
  }
}

/** Addresses are compared as text there: in lower case. */
function inWireForm(terms: ChannelTerms): JobPayment['terms'] {
  const lower = (text: `0x${string}`) => text.toLowerCase() as `0x${string}`;
  const { payer, payerSigner, provider, providerSigner, token, delay, deadline, salt } = terms;
  return {
    payer: lower(payer),
    payerSigner: lower(payerSigner),
    provider: lower(provider),
    providerSigner: lower(providerSigner),
    token: lower(token),
    delay,
    deadline,
    salt: lower(salt),
  };
}
