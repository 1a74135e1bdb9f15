import { TabloomError } from '#lib/base/errors.ts';

/** Every code this room throws, with what to do about it. */
export const payErrors = {
  // Amounts
  'bad-amount': 'Write the amount as digits with at most the decimals of the token, such as 1.25.',
  'amount-zero': 'Give an amount above zero.',
  'amount-too-large': 'The amount is larger than a channel or bond can hold. Give less.',
  'insufficient-funds': 'There are not enough tokens in the wallet. Add some or give a smaller amount.',
  'insufficient-gas': "There is not enough of the chain's coin in the wallet to pay for gas. Add some.",
  'allowance-too-small': 'The contract may not take this amount yet. Approve it first.',
  // What is handed in
  'bad-address': 'This is not an account: 0x and 40 hexadecimal digits, not all of them zero.',
  'bad-time': 'Give a time as whole Unix seconds.',
  'bad-deposit': 'This is not a deposit that a wallet has signed. Correct the named field, or sign it again.',
  'bad-call': 'An argument does not fit the contract. See the details.',
  // Channels
  'bad-terms': 'The terms of the channel are not valid. Correct the named field.',
  'channel-exists': 'This channel was opened before. Use another salt.',
  'channel-missing': 'No channel of these terms has been opened on this chain.',
  'channel-closed': 'This channel has ended. Open another one.',
  'session-only': 'Only a channel in session mode can do this.',
  'job-only': 'Only a channel in job mode can do this.',
  'not-payer': 'Only the payer, or the key it named, may do this.',
  'withdrawal-pending': 'A withdrawal has been announced on this channel; it takes no more promises or top-ups.',
  'withdrawal-not-announced': 'Announce the withdrawal first, and wait for the delay.',
  'too-early': 'It is too early for this. Wait until the time in the details.',
  'deadline-passed': 'The deadline of this job has passed; its money goes back to the payer.',
  'final-amount-out-of-range': 'The final amount must lie between what was claimed and what was deposited.',
  // Vouchers
  'bad-voucher': 'This is not a voucher of this network.',
  'wrong-channel': 'The voucher belongs to a channel that is not known here.',
  'bad-signature': 'The signature was not made by the expected signer.',
  'voucher-regress': 'A voucher for more was made before; a smaller one is worth nothing.',
  overdrawn: 'The channel does not hold that much. Top it up or ask for less.',
  'session-expired': 'The session key is no longer valid. Open a new session with the wallet.',
  'session-limit': 'The session key has spent what it was allowed to. Open a new session with the wallet.',
  'exposure-too-large': 'This payer owes as much unclaimed as is let stand. Claim before serving more.',
  closing: 'This channel is being brought to its end and takes no more promises. Open another one.',
  'deposit-too-small': 'The channel holds less than this provider serves for. Open one with more in it.',
  'too-many-channels': 'There are as many open channels here as can be kept. Try again when some have ended.',
  // Claims
  'batch-empty': 'Give at least one voucher to claim.',
  'batch-too-long': 'Too many vouchers for one transaction. Split the batch.',
  'nothing-to-claim': 'None of these vouchers would be credited. See the details for why.',
  'bad-fee': 'A fee is zero or more units, and at most what a voucher can name.',
  'order-expired': 'The claim order is no longer valid. Ask the provider for a new one.',
  'order-mismatch': 'The claim order does not name these claims.',
  'order-repeats': 'The claim order names a channel twice. Name the newest voucher of each.',
  'order-superseded': 'A claim order of this provider that is worth as much, or more, is held already.',
  'order-too-long': 'The claim order is valid for longer than anybody keeps it. Give at most 32 days.',
  'order-unprofitable': 'The fee of this claim order does not pay for its gas.',
  'too-many-orders': 'There are as many claim orders here as can be kept. Try again later.',
  'wrong-relay': 'The claim order was given to somebody else.',
  // Deposits
  'authorization-used': 'This authorization was used before. Sign a new one.',
  'authorization-expired': 'This authorization is not valid now. Sign a new one.',
  'token-unsupported': 'This token does not behave as channels need it to. Use the token of the chain entry.',
  'token-refused': 'The token refused the transfer. Its sender or receiver may be blocked.',
  // Bonds
  'stake-too-small': 'There is less at stake than that.',
  'stake-locked': 'The stake is locked while a challenge is open.',
  'nothing-unbonding': 'Nothing is on its way out. Start unbonding first.',
  'unbonding-not-over': 'The unbonding period is not over. Wait until the time in the details.',
  'offer-key-missing': 'Name the 32-byte key that signs the offers.',
  'not-allowed': 'This call is not open to this account.',
  // Wallets and chains
  rejected: 'The request was refused in the wallet. Nothing has been sent.',
  'wrong-chain': 'The wallet or the node is on another chain. Switch it and try again.',
  'chain-unknown': 'The contracts are not deployed on this chain.',
  'chain-unavailable': 'The chain does not answer. Try again when the connection is back.',
  'node-refused': 'The node answered with an error. See the details; another node may do better.',
  'no-wallet': 'No wallet was found in this browser. Install one, or use the wallet of this device.',
  'wallet-failed': 'The wallet could not do it. Look at the wallet, then try again.',
  'too-many-keys': 'There are as many keys here as can be kept. Use one of them.',
  'bad-key': 'This is not a private key of 32 bytes in hexadecimal.',
  'transaction-reverted': 'The transaction failed on the chain. Nothing but gas was spent.',
  'transaction-replaced': 'Another transaction of the same wallet took its place. Look at the wallet, then try again.',
  'transaction-stuck': 'The transaction is still waiting. Its hash is in the details; it may still go through.',
  'range-too-long': 'Ask for fewer blocks at once.',
  // Storage
  'store-conflict': 'Another window has written this channel. Load it again.',
  'bad-record': 'What is stored of this channel cannot be read. Restore it from a copy or from the chain.',
} as const;

export type PayErrorCode = keyof typeof payErrors;

export const isPayErrorCode = (code: string): code is PayErrorCode => Object.hasOwn(payErrors, code);

/** An error in the words of the table. Amounts in the details become decimal text: JSON knows no bigint. */
export function payError(
  code: PayErrorCode,
  options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): TabloomError {
  const details = Object.entries(options.details ?? {}).map(
    ([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value] as const,
  );
  return new TabloomError(code, payErrors[code], { details: Object.fromEntries(details), cause: options.cause });
}
