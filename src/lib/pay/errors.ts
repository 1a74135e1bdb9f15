import { TabloomError } from '#lib/base/errors.ts';

/** Every payment error code, with a message that says what to do. */
export const payErrors = {
  // Amounts
  'bad-amount': 'Enter the amount in digits, with at most as many decimals as the token has, such as 1.25.',
  'amount-zero': 'Enter an amount above zero.',
  'amount-too-large': 'The amount is larger than a channel or bond can hold. Reduce it.',
  'insufficient-funds': 'There are not enough tokens in the wallet. Add some or reduce the amount.',
  'insufficient-gas': "There is not enough of the chain's coin in the wallet to pay for gas. Add some.",
  'allowance-too-small': 'The contract is not approved for this amount. Approve it first.',
  // Input
  'bad-address': 'This is not a valid address: 0x and 40 hexadecimal digits, not all zero.',
  'bad-time': 'Give the time in whole Unix seconds.',
  'bad-deposit': 'This is not a valid signed deposit. Correct the named field, or sign it again.',
  'bad-call': 'An argument does not match the contract. See the details.',
  // Channels
  'bad-terms': 'The channel terms are not valid. Correct the named field.',
  'channel-exists': 'This channel already exists. Use another salt.',
  'channel-missing': 'No channel with these terms has been opened on this chain.',
  'channel-closed': 'This channel is closed. Open another one.',
  'session-only': 'Only a channel in session mode can do this.',
  'job-only': 'Only a channel in job mode can do this.',
  'not-payer': 'Only the payer or the payer signer may do this.',
  'withdrawal-pending': 'A withdrawal has been announced on this channel, so it accepts no more vouchers or top-ups.',
  'withdrawal-not-announced': 'Announce the withdrawal first, and wait for the delay.',
  'too-early': 'It is too early for this. Wait until the time given in the details.',
  'deadline-passed': 'The deadline of this job has passed. The deposit returns to the payer.',
  'final-amount-out-of-range': 'The final amount must be between the amount claimed and the deposit.',
  // Vouchers
  'bad-voucher': 'This is not a valid voucher.',
  'wrong-channel': 'The voucher belongs to an unknown channel.',
  'bad-signature': 'The signature was not made by the expected signer.',
  'voucher-regress': 'A voucher for a larger total exists, so a smaller one is worthless.',
  overdrawn: 'The channel does not hold that much. Top it up or reduce the amount.',
  'session-expired': 'The session key has expired. Open a new session with the wallet.',
  'session-limit': 'The session key has reached its spending limit. Open a new session with the wallet.',
  'over-budget': 'This job would cost more than its budget. Raise the budget, or ask for a shorter answer.',
  'payment-ended': 'This job has ended and pays no more. Ask again.',
  'deposit-limit': 'This would put more into channels than your limit allows. Raise the limit, or end a channel.',
  'stale-view': 'The chain has not confirmed this channel recently enough. Try again when the chain responds.',
  'exposure-too-large': 'This payer has reached the limit for unclaimed amounts. Claim before serving more.',
  closing: 'This channel is closing and accepts no more vouchers. Open another one.',
  'deposit-too-small': 'The deposit is below this provider’s minimum. Open a channel with a larger one.',
  'too-many-channels': 'The maximum number of open channels has been reached. Try again when some have closed.',
  // Claims
  'batch-empty': 'Give at least one voucher to claim.',
  'batch-too-long': 'Too many vouchers for one transaction. Split the batch.',
  'nothing-to-claim': 'None of these vouchers would be credited. See the details for the reasons.',
  'bad-fee': 'The fee must be zero or more units, and at most the largest voucher amount.',
  'fee-too-large': 'The fee is larger than the amount it is taken from. Sign for a smaller one.',
  'payout-too-small': 'Less would reach the payee than its order allows. Wait until more is owed.',
  'order-used': 'This order was used or revoked. Ask the payee for a new one.',
  'order-expired': 'The claim order has expired. Ask the provider for a new one.',
  'order-mismatch': 'The claim order does not match these claims.',
  'order-repeats': 'The claim order lists a channel twice. List only the newest voucher of each.',
  'order-superseded': 'An existing claim order of this provider is worth as much or more.',
  'order-too-long': 'The claim order is valid for too long. The maximum is 32 days.',
  'order-unprofitable': 'The fee of this claim order does not cover its gas.',
  'contract-signer': 'The signer is a contract, whose check could cost any amount of gas. Use an ordinary key.',
  'fee-too-small': 'The fee does not cover the gas any more. Ask for the current one and sign again.',
  'relay-busy': 'The relay has too many deposits to send. Try again in a minute.',
  'sponsor-too-dear':
    'The relay asks more for sending a deposit than your limit allows. Raise the limit, or add gas to the wallet.',
  'relay-declined': 'The last transaction this relay sent for this account lost money. It sends none for it today.',
  'relay-stopped':
    'The relay has stopped sending for others today, after too many failed transactions. Try again tomorrow.',
  'sponsor-limit':
    'The relay has announced as many withdrawals for others today as it does. Try again tomorrow, or add gas to the wallet.',
  'bad-sponsor-request': 'This is nothing that a relay can send. Correct the named field, or sign it again.',
  'relay-unavailable': 'The relay does not answer. Try again when it does, or use another one.',
  'too-many-orders': 'The maximum number of claim orders has been reached. Try again later.',
  'wrong-relay': 'The claim order was issued to another relay.',
  // Deposits
  'authorization-used': 'This authorization has already been used. Sign a new one.',
  'authorization-expired': 'This authorization is not currently valid. Sign a new one.',
  'token-unsupported': 'This token does not behave as channels require. Use the token of the chain entry.',
  'token-refused': 'The token rejected the transfer. Its sender or receiver may be blocked.',
  // Bonds
  'stake-too-small': 'The stake is smaller than that.',
  'stake-locked': 'The stake is locked while a challenge is open.',
  'nothing-unbonding': 'Nothing is unbonding. Start unbonding first.',
  'unbonding-not-over': 'The unbonding period is not over. Wait until the time given in the details.',
  'provider-mismatch':
    'The registry names another peer for this provider. Nothing was paid. Ask another provider, or register this peer.',
  'provider-unlisted':
    'This tier is paid only to a provider with a bond in the registry. Nothing was paid. Ask another provider, or for the tier "open".',
  'bond-too-small':
    'The provider’s bond is below 200 times its largest job. Nothing was paid. Ask another provider, or for the tier "open".',
  'offer-key-missing': 'Give the 32-byte key that signs the offers.',
  // Disputes
  'court-closed': 'No disputes are opened on this chain now. Those that run go on to their end.',
  'dispute-missing': 'There is no dispute of this number on this chain.',
  'penalty-out-of-range':
    'The penalty must be between a tenth of the stake that can be locked and all of it. See the details for both.',
  'receipt-hash-missing': 'Give the 32-byte SHA-256 of the receipt, not all zero.',
  'receipt-decided': 'This job has been decided already. A job is decided once.',
  'answer-missing': 'Give the 32-byte SHA-256 of the answer, not all zero.',
  'not-provider': 'Only the accused provider may do this.',
  'wrong-phase': 'The dispute is in another phase. Read where it stands, and try what fits.',
  'window-over': 'The time for this is over. Conclude the dispute, which anybody may.',
  'window-open': 'The time for the other side is not over. Wait until the time given in the details.',
  'wrong-round': 'The dispute is in another round of voting. Sign for that one.',
  'verdict-missing': 'A vote says innocent or guilty.',
  'already-voted': 'This validator has voted in this round. A vote cannot be changed.',
  'not-validator': 'This account has no vote on this dispute.',
  'validator-too-new': 'This validator votes only on disputes opened after the time given in the details.',
  'validator-is-party': 'A party to the dispute has no vote on it.',
  'not-allowed': 'This account is not allowed to make this call.',
  // Credits
  'terms-differ':
    'The relay asks for another payment than the one you agreed to. Nothing was signed. Load the page anew.',
  // Wallets and chains
  rejected: 'The request was rejected in the wallet. Nothing was sent.',
  'wrong-chain': 'The wallet or the node is on another chain. Switch it and try again.',
  'chain-unknown': 'The contracts are not deployed on this chain.',
  'chain-unavailable': 'The chain does not respond. Try again when the connection is back.',
  'node-refused': 'The node returned an error. See the details, or try another node.',
  'no-wallet': 'No wallet was found in this browser. Install one, or use this device’s own wallet.',
  'wallet-busy': 'The wallet already waits for an answer. Answer or dismiss its open request, then try again.',
  'wallet-unauthorized': 'The wallet does not allow this account here, or is locked. Unlock it and connect again.',
  'wallet-disconnected': 'The wallet has lost its connection to the chain. Check the wallet’s network, then try again.',
  'wallet-unsupported': 'The wallet cannot do this. Use another wallet.',
  'fee-too-low': 'The chain asks for a higher fee now. Try again.',
  'wallet-failed': 'The wallet failed to complete the request. Check the wallet, then try again.',
  'too-many-keys': 'The maximum number of keys has been reached. Use one of them.',
  'bad-key': 'This is not a valid private key: 0x and 64 hexadecimal digits.',
  'transaction-reverted': 'The transaction failed on chain. Only gas was spent.',
  'transaction-replaced': 'Another transaction of the same wallet replaced it. Check the wallet, then try again.',
  'transaction-stuck': 'The transaction is still pending and may yet go through. Its hash is in the details.',
  'range-too-long': 'Request fewer blocks at once.',
  // Storage
  'store-conflict': 'Another window has changed this channel. It has been loaded again: try again.',
  'bad-record': 'The stored record of this channel is damaged. Restore it from a copy or from the chain.',
} as const;

export type PayErrorCode = keyof typeof payErrors;

export const isPayErrorCode = (code: string): code is PayErrorCode => Object.hasOwn(payErrors, code);

/** An error with the table's message. Bigints in the details become decimal text, because JSON has no bigint. */
export function payError(
  code: PayErrorCode,
  options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): TabloomError {
  const details = Object.entries(options.details ?? {}).map(
    ([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value] as const,
  );
  return new TabloomError(code, payErrors[code], { details: Object.fromEntries(details), cause: options.cause });
}
