import { verdicts } from '#contracts/words.ts';
import type { AbortOptions } from '#lib/base/abort.ts';
import { disputesCall } from '../chain/calls.ts';
import type { Ballot, Vote } from '../court.ts';
import { payError } from '../errors.ts';
import { checkDisputeId, isBytes, parseAddress } from '../input.ts';
import type { Chain, Mined, Wallet } from '../spec.ts';
import { voteData } from '../typed-data.ts';

/**
 * Signs a validator's verdict, which anybody may hand in.
 * @throws `dispute-missing`, `wrong-round`, `verdict-missing`, `rejected`, `wallet-failed`.
 */
export async function signVote(
  chain: Chain,
  validator: Wallet,
  vote: Vote,
  options: AbortOptions = {},
): Promise<Ballot> {
  const { disputeId, round, verdict } = checkVote(vote);
  const data = voteData(chain.entry, { disputeId, round, verdict, validator: validator.address });
  const signature = await validator.signTypedData(data, options);
  return { disputeId, round, verdict, validator: validator.address, signature };
}

/**
 * Hands in a ballot, one's own or another's.
 * @throws `not-validator`, `validator-too-new`, `validator-is-party`, `already-voted`, `wrong-round`, `wrong-phase`, `window-over`,
 * `verdict-missing`, `bad-signature`, `dispute-missing`, and those of sending.
 */
export async function handInBallot(
  chain: Chain,
  sender: Wallet,
  ballot: Ballot,
  options: AbortOptions = {},
): Promise<Mined> {
  const { disputeId, round, verdict } = checkVote(ballot);
  const validator = parseAddress('validator', ballot.validator);
  if (!isBytes(ballot.signature)) throw payError('bad-signature', { details: { expected: validator } });
  const args = [disputeId, round, verdicts.indexOf(verdict), validator, ballot.signature] as const;
  return chain.transact(sender, disputesCall(chain.entry, { functionName: 'vote', args }), options);
}

function checkVote({ disputeId, round, verdict }: Vote): Vote {
  checkDisputeId(disputeId);
  if (round !== 1 && round !== 2) throw payError('wrong-round', { details: { given: String(round) } });
  if (verdict !== 'innocent' && verdict !== 'guilty') throw payError('verdict-missing');
  return { disputeId, round, verdict };
}
