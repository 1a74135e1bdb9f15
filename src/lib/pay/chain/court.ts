import { decodeFunctionResult, zeroAddress, zeroHash } from 'viem';
import { disputesAbi } from '#contracts/disputes.ts';
import { providersAbi } from '#contracts/providers.ts';
import { courtRules, outcomes, phases } from '#contracts/words.ts';
import type { AbortOptions } from '#lib/base/abort.ts';
import { answerDispute, appealDispute, collectAward, concludeDispute, openDispute } from '../actions/dispute.ts';
import { handInBallot, signVote } from '../actions/vote.ts';
import type { Court, Dispute, DisputePhase } from '../court.ts';
import { penaltyMinimum } from '../court-shares.ts';
import { payError } from '../errors.ts';
import type { Address, Chain, Hex } from '../spec.ts';
import { disputesCall, providersCall } from './calls.ts';

/** The dispute contract of a chain, read at its newest block. */
export function createCourt(chain: Chain): Court {
  const { entry } = chain;
  const ask = async (call: ReturnType<typeof disputesCall>, options?: AbortOptions): Promise<Hex> =>
    chain.simulate(zeroAddress, call, options);
  const result = (functionName: 'decidedBy' | 'owed' | 'validatorSince' | 'validatorUntil', data: Hex): bigint =>
    decodeFunctionResult({ abi: disputesAbi, functionName, data });

  const dispute: Court['dispute'] = async (id, options) => {
    const [data, { timestamp }] = await Promise.all([
      ask(disputesCall(entry, { functionName: 'disputeAt', args: [id] }), options),
      chain.head(options),
    ]);
    const read = decodeFunctionResult({ abi: disputesAbi, functionName: 'disputeAt', data });
    const phase = phases[read.phase] ?? 'none';
    if (phase === 'none') throw payError('dispute-missing', { details: { id } });
    return {
      id,
      challenger: read.challenger,
      provider: read.provider,
      receiptHash: read.receiptHash,
      answerHash: read.answerHash === zeroHash ? null : read.answerHash,
      penalty: read.penalty,
      counterBond: read.counterBond,
      ...standing(phase, read.endsAt, timestamp),
      outcome: outcomes[read.outcome] ?? 'none',
      round: read.round === 2 ? 2 : 1,
      innocent: read.innocent,
      guilty: read.guilty,
      openedAt: read.openedAt,
    };
  };

  const lockable = async (provider: Address, options?: AbortOptions) => {
    const data = await ask(providersCall(entry, { functionName: 'lockable', args: [provider] }), options);
    return decodeFunctionResult({ abi: providersAbi, functionName: 'lockable', data });
  };

  return {
    dispute,
    async penaltyRange(provider, options) {
      const maximum = await lockable(provider, options);
      return { minimum: penaltyMinimum(maximum), maximum };
    },
    async decidedBy({ provider, receiptHash }, options) {
      const call = disputesCall(entry, { functionName: 'decidedBy', args: [provider, receiptHash] });
      return result('decidedBy', await ask(call, options)) || null;
    },
    async validatorTerm(validator, options) {
      const [since, until] = await Promise.all(
        (['validatorSince', 'validatorUntil'] as const).map(async (functionName) =>
          Number(result(functionName, await ask(disputesCall(entry, { functionName, args: [validator] }), options))),
        ),
      );
      return since ? { since, until: until || null } : null;
    },
    async owed(payee, options) {
      return result('owed', await ask(disputesCall(entry, { functionName: 'owed', args: [payee] }), options));
    },
    async open(wallet, accusation, options) {
      const { id } = await openDispute(chain, wallet, accusation, options);
      return dispute(id, options);
    },
    async answer(wallet, answer, options) {
      await answerDispute(chain, wallet, answer, options);
    },
    signVote: (validator, vote, options) => signVote(chain, validator, vote, options),
    async vote(sender, ballot, options) {
      await handInBallot(chain, sender, ballot, options);
    },
    async conclude(sender, id, options) {
      await concludeDispute(chain, sender, id, options);
      return dispute(id, options);
    },
    async appeal(wallet, id, options) {
      const { counterBond, phase } = await dispute(id, options);
      // Asked first, since an approval that the appeal cannot use would cost gas.
      if (phase !== 'appealable') throw payError('wrong-phase', { details: { expected: 'appealable', phase } });
      await appealDispute(chain, wallet, { id, bond: counterBond }, options);
    },
    async collect(sender, payee, options) {
      return (await collectAward(chain, sender, payee, options)).amount;
    },
  };
}

/** The contract writes an unanswered dispute's vote down only with its first ballot. */
export const standing = (phase: DisputePhase, endsAt: number, now: number): Pick<Dispute, 'phase' | 'endsAt'> =>
  phase === 'answering' && now > endsAt
    ? { phase: 'voting', endsAt: endsAt + courtRules.voteWindow }
    : { phase, endsAt };
