import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { channelUnitsMax, voucherUnitsMax } from '../amount.ts';
import * as orders from '../claim-order.ts';
import * as deposits from '../deposit.ts';
import type { PayErrorCode } from '../errors.ts';
import { addressOfKey, entry, keyOf, startSeconds, testChain, testTerms, walletOf } from '../pay.fixture.ts';
import type { Chain, Claim, Hex, InjectedWallet, SignedClaimOrder } from '../spec.ts';
import { unsponsored } from '../sponsorship.ts';
import { channelIdOf } from '../terms.ts';
import { createVoucherSigner } from '../voucher.ts';
import { announceWithdrawalFor, signWithdrawal } from './announce-withdrawal.ts';
import { bond } from './bond.ts';
import { claimFor } from './claim-for.ts';
import { claim } from './claim.ts';
import { close } from './close.ts';
import { describeProvider } from './describe-provider.ts';
import * as disputes from './dispute.ts';
import { open } from './open.ts';
import { refund } from './refund.ts';
import { settleFor, signSettleOrder } from './settle-for.ts';
import { settle } from './settle.ts';
import { topUp } from './top-up.ts';
import { unbond } from './unbond.ts';
import { handInBallot, signVote } from './vote.ts';
import { withdrawBond } from './withdraw-bond.ts';
import { withdraw } from './withdraw.ts';

/** A chain and a wallet that record every request. */
function asking() {
  const asked: string[] = [];
  const watch = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name) {
        const value: unknown = Reflect.get(of, name);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]) => {
          asked.push(String(name));
          return (value as (...args: readonly unknown[]) => unknown)(...args);
        };
      },
    });
  const injected: InjectedWallet = {
    type: 'injected',
    address: addressOfKey(1),
    chainId: async () => entry.id,
    signTypedData: async () => `0x${'11'.repeat(65)}`,
    signMessage: async () => '0x',
    sendTransaction: async () => `0x${'22'.repeat(32)}`,
  };
  return { asked, chain: watch<Chain>(testChain()), wallet: watch(injected) };
}

const terms = testTerms();
const job = testTerms(2, { delay: 0, deadline: startSeconds + 600 });
const id = channelIdOf(terms);
const vouchers = createVoucherSigner(entry);
const short: Hex = '0x12';
const word: Hex = `0x${'11'.repeat(32)}`;
const signature: Hex = `0x${'11'.repeat(65)}`;
const authorization = { validAfter: 0n, validBefore: BigInt(startSeconds + 600), salt: word, signature };
const deposit = { authorization };
const settleOrder = {
  ...unsponsored,
  payee: addressOfKey(3),
  token: entry.token.address,
  payeeMin: 0n,
  validBefore: startSeconds + 600,
  nonce: 0n,
};
const foreign = { ...terms, token: addressOfKey(9) };
const badTerms = { ...terms, payer: short };
const own = { ...terms, providerSigner: addressOfKey(1) };

const claimOf = async (channel = terms): Promise<Claim> => {
  const { cumulativeAmount, signature: signed } = await vouchers.sign(keyOf(2), channelIdOf(channel), 5n);
  return { channel, cumulativeAmount, signature: signed };
};
const order = async (change: Partial<SignedClaimOrder['order']> = {}, claims?: readonly Claim[]) => {
  const { signClaimOrder } = orders;
  const validBefore = startSeconds + 600;
  const signed = await signClaimOrder(testChain(), walletOf(4), {
    claims: [await claimOf()],
    relay: null,
    feePerClaim: 1n,
    validBefore,
  });
  return { ...signed, claims: claims ?? signed.claims, order: { ...signed.order, ...change } };
};

type Ask = Pick<ReturnType<typeof asking>, 'chain' | 'wallet'>;
type Row = readonly [what: string, run: (given: Ask) => Promise<unknown>, code: PayErrorCode];

/** Bad input for every function with a deposit; `run` replaces one valid member with it. */
const ofDeposits = (run: (given: Ask, change: object) => Promise<unknown>, maximum: bigint): readonly Row[] => [
  ['nothing', (given) => run(given, { amount: 0n }), 'amount-zero'],
  ['a negative amount', (given) => run(given, { amount: -1n }), 'amount-zero'],
  ['too much', (given) => run(given, { amount: maximum + 1n }), 'amount-too-large'],
  ...[
    {},
    { authorization: {} },
    { authorization: { ...authorization, salt: short } },
    { authorization: { ...authorization, signature: '0x123' } },
    { authorization: { ...authorization, signature: '0xzz' } },
    { authorization: { ...authorization, validBefore: -1n } },
    { authorization: { ...authorization, validAfter: 2n ** 256n } },
    { ...deposit, sponsorship: { sponsor: short, fee: 1n } },
    { ...deposit, sponsorship: { ...unsponsored, fee: -1n } },
  ].map((bad, at): Row => [
    `a deposit of the wrong shape (${at})`,
    (given) => run(given, { deposit: bad }),
    'bad-deposit',
  ]),
];
/** Only channels have sponsors. */
const ofFees = (run: (given: Ask, change: object) => Promise<unknown>): Row => [
  'a fee as large as the deposit',
  (given) => run(given, { deposit: { ...deposit, sponsorship: { ...unsponsored, fee: 5n } } }),
  'fee-too-large',
];
const ofOpening = (run: typeof open | typeof topUp) => (given: Ask, change: object) =>
  run(given.chain, given.wallet, { terms, amount: 5n, deposit, ...change });
const ofSigning =
  (run: typeof deposits.signAuthorization) =>
  ({ chain, wallet }: Ask, change: object) =>
    run(
      { chain, wallet, random: seededRandom(1) },
      { subject: id, to: entry.contracts.channels, amount: 5n, validBefore: startSeconds + 5, ...change },
    );
const ofSigningAll = (run: typeof deposits.signAuthorization): readonly Row[] => [
  ['nothing', (given) => ofSigning(run)(given, { amount: 0n }), 'amount-zero'],
  ['too much', (given) => ofSigning(run)(given, { amount: channelUnitsMax + 1n }), 'amount-too-large'],
  ['an invalid receiver', (given) => ofSigning(run)(given, { to: short }), 'bad-address'],
  ['half a second', (given) => ofSigning(run)(given, { validBefore: 1.5 }), 'bad-time'],
  ['a negative time', (given) => ofSigning(run)(given, { validBefore: -1 }), 'bad-time'],
  ['a time above 48 bits', (given) => ofSigning(run)(given, { validBefore: 2 ** 48 }), 'bad-time'],
];
const ofOrder =
  (change: object) =>
  async ({ chain, wallet }: Ask) =>
    orders.signClaimOrder(chain, wallet, {
      claims: [await claimOf(own)],
      relay: null,
      feePerClaim: 1n,
      validBefore: startSeconds + 600,
      ...change,
    });

const accusation = { provider: addressOfKey(3), receiptHash: word, penalty: 5n };
const ofAccusing = (what: string, change: object, code: PayErrorCode): Row => [
  what,
  ({ chain, wallet }) => disputes.openDispute(chain, wallet, { ...accusation, ...change }),
  code,
];
const ballot = { disputeId: 1n, round: 1, verdict: 'guilty', validator: addressOfKey(3), signature } as const;
const badVotes = [
  ['dispute zero', { disputeId: 0n }, 'dispute-missing'],
  ['a third round', { round: 3 }, 'wrong-round'],
  ['no verdict', { verdict: 'none' }, 'verdict-missing'],
] as const;

const table: Readonly<Record<string, readonly Row[]>> = {
  openDispute: [
    ofAccusing('a short address', { provider: short }, 'bad-address'),
    ofAccusing('a short hash', { receiptHash: short }, 'receipt-hash-missing'),
    ofAccusing('a hash of zeros', { receiptHash: `0x${'00'.repeat(32)}` }, 'receipt-hash-missing'),
    ofAccusing('no penalty', { penalty: 0n }, 'amount-zero'),
    ofAccusing('too large a penalty', { penalty: voucherUnitsMax + 1n }, 'amount-too-large'),
  ],
  answerDispute: [
    [
      'dispute zero',
      ({ chain, wallet }) => disputes.answerDispute(chain, wallet, { id: 0n, answerHash: word }),
      'dispute-missing',
    ],
    [
      'a short hash',
      ({ chain, wallet }) => disputes.answerDispute(chain, wallet, { id: 1n, answerHash: short }),
      'answer-missing',
    ],
  ],
  appealDispute: [
    [
      'a negative number',
      ({ chain, wallet }) => disputes.appealDispute(chain, wallet, { id: -1n, bond: 5n }),
      'dispute-missing',
    ],
    ['no bond', ({ chain, wallet }) => disputes.appealDispute(chain, wallet, { id: 1n, bond: 0n }), 'amount-zero'],
  ],
  concludeDispute: [
    ['dispute zero', ({ chain, wallet }) => disputes.concludeDispute(chain, wallet, 0n), 'dispute-missing'],
  ],
  collectAward: [
    ['a short address', ({ chain, wallet }) => disputes.collectAward(chain, wallet, short), 'bad-address'],
  ],
  signVote: badVotes.map(([what, change, code]): Row => [
    what,
    ({ chain, wallet }) => signVote(chain, wallet, { ...ballot, ...change } as never),
    code,
  ]),
  handInBallot: [
    ...badVotes.map(([what, change, code]): Row => [
      what,
      ({ chain, wallet }) => handInBallot(chain, wallet, { ...ballot, ...change } as never),
      code,
    ]),
    [
      'a validator with a short address',
      ({ chain, wallet }) => handInBallot(chain, wallet, { ...ballot, validator: short }),
      'bad-address',
    ],
    [
      'half a byte for a signature',
      ({ chain, wallet }) => handInBallot(chain, wallet, { ...ballot, signature: '0x123' }),
      'bad-signature',
    ],
  ],
  signWithdrawal: [
    ['malformed terms', ({ chain, wallet }) => signWithdrawal(chain, wallet, badTerms), 'bad-terms'],
    ['a job', ({ chain, wallet }) => signWithdrawal(chain, wallet, job), 'session-only'],
    [
      "a key other than the payer's or its signer's",
      ({ chain }) => signWithdrawal(chain, walletOf(9), terms),
      'not-payer',
    ],
    [
      'a negative fee',
      ({ chain, wallet }) => signWithdrawal(chain, wallet, terms, { sponsorship: { ...unsponsored, fee: -1n } }),
      'bad-fee',
    ],
    [
      'a sponsor with a short address',
      ({ chain, wallet }) => signWithdrawal(chain, wallet, terms, { sponsorship: { sponsor: short, fee: 1n } }),
      'bad-address',
    ],
  ],
  announceWithdrawalFor: [
    [
      'malformed terms',
      ({ chain, wallet }) => announceWithdrawalFor(chain, wallet, { terms: badTerms, signature }),
      'bad-terms',
    ],
    ['a job', ({ chain, wallet }) => announceWithdrawalFor(chain, wallet, { terms: job, signature }), 'session-only'],
    [
      'another token',
      ({ chain, wallet }) => announceWithdrawalFor(chain, wallet, { terms: foreign, signature }),
      'token-unsupported',
    ],
    [
      'a short signature',
      ({ chain, wallet }) => announceWithdrawalFor(chain, wallet, { terms, signature: short }),
      'bad-signature',
    ],
    [
      'too large a fee',
      ({ chain, wallet }) =>
        announceWithdrawalFor(chain, wallet, { terms, signature, sponsorship: { ...unsponsored, fee: 1n << 96n } }),
      'bad-fee',
    ],
  ],
  bond: [
    ...ofDeposits(
      ({ chain, wallet }, change) =>
        bond(chain, wallet, { provider: addressOfKey(3), amount: 5n, deposit, ...change } as never),
      voucherUnitsMax,
    ),
    [
      'a short address',
      ({ chain, wallet }) => bond(chain, wallet, { provider: short, amount: 5n, deposit }),
      'bad-address',
    ],
  ],
  claimFor: [
    ['no claims', async ({ chain, wallet }) => claimFor(chain, wallet, await order({}, [])), 'batch-empty'],
    [
      'too many',
      async ({ chain, wallet }) => {
        const one = await claimOf();
        return claimFor(chain, wallet, await order({}, Array<Claim>(201).fill(one)));
      },
      'batch-too-long',
    ],
    [
      'one channel twice',
      async ({ chain, wallet }) => claimFor(chain, wallet, await order({}, [await claimOf(), await claimOf()])),
      'order-repeats',
    ],
    [
      'a malformed claim',
      async ({ chain, wallet }) =>
        claimFor(chain, wallet, await order({}, [{ ...(await claimOf()), channel: badTerms }])),
      'bad-terms',
    ],
    [
      'a negative claim',
      async ({ chain, wallet }) =>
        claimFor(chain, wallet, await order({}, [{ ...(await claimOf()), cumulativeAmount: -1n }])),
      'bad-voucher',
    ],
    [
      'half a byte for a signature',
      async ({ chain, wallet }) =>
        claimFor(chain, wallet, await order({}, [{ ...(await claimOf()), signature: '0x123' }])),
      'bad-voucher',
    ],
    [
      'a negative fee',
      async ({ chain, wallet }) => claimFor(chain, wallet, await order({ feePerClaim: -1n })),
      'bad-fee',
    ],
    [
      'half a second',
      async ({ chain, wallet }) => claimFor(chain, wallet, await order({ validBefore: 1.5 })),
      'bad-time',
    ],
    ['no time', async ({ chain, wallet }) => claimFor(chain, wallet, await order({ validBefore: -1 })), 'bad-time'],
    [
      'another token',
      async ({ chain, wallet }) =>
        claimFor(chain, wallet, await order({}, [{ ...(await claimOf()), channel: foreign }])),
      'token-unsupported',
    ],
  ],
  claim: [
    ['no claims', ({ chain, wallet }) => claim({ chain, vouchers }, wallet, []), 'batch-empty'],
    [
      'too many',
      async ({ chain, wallet }) => claim({ chain, vouchers }, wallet, Array<Claim>(201).fill(await claimOf())),
      'batch-too-long',
    ],
    [
      'malformed terms',
      async ({ chain, wallet }) => claim({ chain, vouchers }, wallet, [{ ...(await claimOf()), channel: badTerms }]),
      'bad-terms',
    ],
  ],
  close: (
    [
      ['malformed terms', { terms: badTerms }, 'bad-terms'],
      ['a negative amount', { finalAmount: -1n }, 'final-amount-out-of-range'],
      ['too much', { finalAmount: channelUnitsMax + 1n }, 'final-amount-out-of-range'],
      ['a forged agreement', {}, 'bad-signature'],
      ['a short agreement', { providerSignature: short }, 'bad-signature'],
      ['a short voucher', { voucher: { channelId: id, cumulativeAmount: 5n, signature: short } }, 'bad-signature'],
      ['the voucher of another', { voucher: { channelId: word, cumulativeAmount: 5n, signature } }, 'wrong-channel'],
    ] as const
  ).map(([what, change, code]): Row => [
    what,
    ({ chain, wallet }) =>
      close(chain, wallet, { terms, finalAmount: 5n, providerSignature: signature, voucher: null, ...change }),
    code,
  ]),
  describeProvider: (
    [
      ['a key of zeros', { offerKey: `0x${'00'.repeat(32)}` }, 'offer-key-missing'],
      ['a short key', { offerKey: short }, 'offer-key-missing'],
      ['a short hash', { metadataHash: short }, 'bad-terms'],
      ['an empty hash', { pricesHash: '0x' }, 'bad-terms'],
    ] as const
  ).map(([what, change, code]): Row => [
    what,
    ({ chain, wallet }) =>
      describeProvider(chain, wallet, { offerKey: word, metadataHash: word, pricesHash: word, ...change }),
    code,
  ]),
  open: [
    ...ofDeposits((given, change) => ofOpening(open)(given, change), channelUnitsMax),
    ofFees(ofOpening(open)),
    ['malformed terms', (given) => ofOpening(open)(given, { terms: badTerms }), 'bad-terms'],
    ['a salt of one byte', (given) => ofOpening(open)(given, { terms: { ...terms, salt: short } }), 'bad-terms'],
    [
      'another token',
      (given) => ofOpening(open)(given, { terms: { ...terms, token: word.slice(0, 42) } }),
      'token-unsupported',
    ],
  ],
  topUp: [
    ...ofDeposits((given, change) => ofOpening(topUp)(given, change), channelUnitsMax),
    ofFees(ofOpening(topUp)),
    ['malformed terms', (given) => ofOpening(topUp)(given, { terms: badTerms }), 'bad-terms'],
    ['a job', (given) => ofOpening(topUp)(given, { terms: job }), 'session-only'],
    ['another token', (given) => ofOpening(topUp)(given, { terms: foreign }), 'token-unsupported'],
  ],
  refund: [
    ['malformed terms', ({ chain, wallet }) => refund(chain, wallet, badTerms), 'bad-terms'],
    ['a session', ({ chain, wallet }) => refund(chain, wallet, terms), 'job-only'],
  ],
  settle: [
    ['a short address', ({ chain, wallet }) => settle(chain, wallet, short), 'bad-address'],
    ['the zero address', ({ chain, wallet }) => settle(chain, wallet, `0x${'00'.repeat(20)}`), 'bad-address'],
  ],
  signSettleOrder: (
    [
      ['a negative fee', { sponsorship: { ...unsponsored, fee: -1n } }, 'bad-fee'],
      ['a sponsor with a short address', { sponsorship: { sponsor: short, fee: 1n } }, 'bad-address'],
      ['a negative least', { payeeMin: -1n }, 'bad-fee'],
      ['too large a least', { payeeMin: voucherUnitsMax + 1n }, 'bad-fee'],
      ['half a second', { validBefore: 1.5 }, 'bad-time'],
    ] as const
  ).map(([what, change, code]): Row => [
    what,
    ({ chain, wallet }) =>
      signSettleOrder(chain, wallet, { sponsorship: unsponsored, payeeMin: 1n, validBefore: startSeconds, ...change }),
    code,
  ]),
  settleFor: (
    [
      ['a short payee', { payee: short }, 'bad-address'],
      ['a negative fee', { fee: -1n }, 'bad-fee'],
      ['no time', { validBefore: 0 }, 'bad-time'],
      ['another token', { token: addressOfKey(9) }, 'token-unsupported'],
      ['a forged signature', {}, 'bad-signature'],
    ] as const
  ).map(([what, change, code]): Row => [
    what,
    ({ chain, wallet }) => settleFor(chain, wallet, { order: { ...settleOrder, ...change }, signature }),
    code,
  ]),
  unbond: [
    ['nothing', ({ chain, wallet }) => unbond(chain, wallet, 0n), 'amount-zero'],
    ['a negative amount', ({ chain, wallet }) => unbond(chain, wallet, -1n), 'amount-zero'],
    ['too much', ({ chain, wallet }) => unbond(chain, wallet, voucherUnitsMax + 1n), 'amount-too-large'],
  ],
  withdrawBond: [
    ['a short address', ({ chain, wallet }) => withdrawBond(chain, wallet, short), 'bad-address'],
    ['the zero address', ({ chain, wallet }) => withdrawBond(chain, wallet, `0x${'00'.repeat(20)}`), 'bad-address'],
  ],
  withdraw: [
    ['malformed terms', ({ chain, wallet }) => withdraw(chain, wallet, badTerms), 'bad-terms'],
    ['a job', ({ chain, wallet }) => withdraw(chain, wallet, job), 'session-only'],
  ],
  signAuthorization: [
    ...ofSigningAll(deposits.signAuthorization),
    [
      'a fee as large as the deposit',
      (given) => ofSigning(deposits.signAuthorization)(given, { sponsorship: { ...unsponsored, fee: 5n } }),
      'fee-too-large',
    ],
    ['no subject', (given) => ofSigning(deposits.signAuthorization)(given, { subject: short }), 'bad-deposit'],
  ],
  signClaimOrder: [
    ['no claims', ofOrder({ claims: [] }), 'batch-empty'],
    ['a malformed claim', ofOrder({ claims: [{ channel: badTerms, cumulativeAmount: 5n, signature }] }), 'bad-terms'],
    [
      'claims of another signer',
      ofOrder({ claims: [{ channel: terms, cumulativeAmount: 5n, signature }] }),
      'not-allowed',
    ],
    ['a claim for nothing', ofOrder({ claims: [{ channel: own, cumulativeAmount: 0n, signature }] }), 'bad-voucher'],
    ['a negative fee', ofOrder({ feePerClaim: -1n }), 'bad-fee'],
    ['too large a fee', ofOrder({ feePerClaim: voucherUnitsMax + 1n }), 'bad-fee'],
    ['half a second', ofOrder({ validBefore: 1.5 }), 'bad-time'],
    ['no time', ofOrder({ validBefore: -1 }), 'bad-time'],
    ['an invalid relay', ofOrder({ relay: short }), 'bad-address'],
  ],
};

describe.each(Object.entries(table))('%s refuses by name, before it asks wallet or node for anything:', (_, rows) => {
  test.each(rows)('%s', async (_what, run, code) => {
    const { asked, ...given } = asking();
    await expect(run(given)).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });
});

test('a request that cannot succeed is refused before the wallet is asked', async () => {
  const { asked, chain, wallet } = asking();
  const past = { validBefore: startSeconds };
  await expect(ofSigning(deposits.signAuthorization)({ chain, wallet }, past)).rejects.toMatchObject({
    code: 'authorization-expired',
  });
  await expect(ofOrder(past)({ chain, wallet })).rejects.toMatchObject({ code: 'order-expired' });
  expect(new Set(asked)).toEqual(new Set(['head']));
});

test('the table covers every action', () => {
  const modules = import.meta.glob<Record<string, unknown>>(['./*.ts', '!./*.test.ts'], { eager: true });
  const actions = Object.values(modules).flatMap((module) => Object.keys(module));
  // Two of them only read a mined transaction.
  const reading = ['readClaims', 'withReturned'];
  expect(Object.keys(table)).toEqual(expect.arrayContaining(actions.filter((name) => !reading.includes(name))));
});
