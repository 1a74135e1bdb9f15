import { expect, test } from 'vitest';
import { checkEnv } from '../settings/read-env.ts';
import { ofCredits, ofEarning, ofNamedChain, ofSponsor } from './accounts.ts';
import { found } from './doctor.fixture.ts';

const key = `0x${'11'.repeat(32)}`;
const word = (value: bigint) => `0x${value.toString(16)}`;
/** Gas costs 3 gwei: a transaction 450,000 gwei. */
const perTransaction = 150_000n * 3n * 10n ** 9n;

/** A chain's server: which chain, what the account has, whether the contracts are there. */
function server({ id = 31337, coins = 0n, code = '0x01', answers = true } = {}) {
  const results: Readonly<Record<string, unknown>> = {
    eth_chainId: word(BigInt(id)),
    eth_getCode: code,
    eth_getBalance: word(coins),
    eth_maxPriorityFeePerGas: word(10n ** 9n),
    eth_getBlockByNumber: {
      baseFeePerGas: word(10n ** 9n),
      gasLimit: '0x1',
      gasUsed: '0x0',
      number: '0x1',
      timestamp: '0x1',
      transactions: [],
    },
  };
  return (async (_: unknown, init: RequestInit) => {
    if (!answers) throw Object.assign(new TypeError('refused'), { code: 'ECONNREFUSED' });
    const { method, id: call } = JSON.parse(String(init.body)) as { method: string; id: number };
    return Response.json({ jsonrpc: '2.0', id: call, result: results[method] });
  }) as typeof globalThis.fetch;
}

const envOf = (variables: Readonly<Record<string, string>>) => checkEnv('relay', variables).env!;
const url = 'http://chain.example';
const earning = { EARN_OUT: '1', EARN_KEY: key, EARN_CHAIN: '31337', CHAIN_RPC_URL: url };
const credits = { PRICE_OUT: '1', CREDITS_CHAIN: '31337', CREDITS_PAYEE: `0x${'ab'.repeat(20)}`, CREDITS_KEY: key };

test('what is not set is not looked at', () => {
  const env = envOf({});
  expect([
    ofEarning(env, server()),
    ofCredits(env, server()),
    ofSponsor(env, server()),
    ofNamedChain(env, server()),
  ]).toEqual([[], [], [], []]);
});

test.each<readonly [string, Record<string, string>, Parameters<typeof server>[0], string, RegExp]>([
  ['a price without an account', { EARN_OUT: '1' }, {}, 'fail', /needs EARN_KEY/],
  ['an account without a price', { EARN_KEY: key }, {}, 'warn', /models are free/],
  ['no coins', earning, {}, 'fail', /account 0x[0-9a-fA-F]{40} of EARN_KEY has no coins/],
  ['few coins', earning, { coins: 19n * perTransaction }, 'warn', /about 19 transactions/],
  ['coins', earning, { coins: 20n * perTransaction }, 'ok', /about 20 transactions on Local chain/],
  ['no contracts', earning, { code: '0x', coins: 1n }, 'fail', /contracts are not on chain 31337/],
  ['a server of another chain', earning, { id: 8453 }, 'fail', /is not of chain 31337/],
  ['a silent chain', earning, { answers: false }, 'fail', /does not answer/],
  [
    'a chain without contracts',
    { ...earning, EARN_CHAIN: '8453' },
    {},
    'fail',
    /No contracts are known for chain 8453/,
  ],
  [
    'the chain that is named',
    { ...earning, CHAIN: url, EARN_CHAIN: '8453' },
    { coins: 10n ** 18n },
    'ok',
    /Local chain/,
  ],
  ['a local chain', { ...earning, CHAIN: 'local' }, {}, 'skipped', /starts with the relay/],
])('earning: %s', async (_, variables, chain, state, what) => {
  const env = envOf(variables);
  const [check] = ofEarning(env, server(chain), env.CHAIN);
  const finding = await found(check!);
  expect(finding).toMatchObject({ id: 'earning', state, what: expect.stringMatching(what) });
  expect(JSON.stringify(finding)).not.toContain(key);
});

test('credits need both settings, and a chain with the token alone will do', async () => {
  const [bare] = ofCredits(envOf({ PRICE_OUT: '1' }), server());
  expect(await found(bare!)).toMatchObject({
    state: 'fail',
    what: expect.stringMatching(/CREDITS_PAYEE and CREDITS_KEY/),
  });
  const onBase = { ...credits, CREDITS_CHAIN: '8453', CHAIN_RPC_URL: url };
  const [check] = ofCredits(envOf(onBase), server({ id: 8453, coins: 10n ** 18n }));
  expect(await found(check!)).toMatchObject({ id: 'credits', state: 'ok', what: expect.stringMatching(/on Base/) });
});

test('a sponsor needs a chain and coins', async () => {
  const [bare] = ofSponsor(envOf({ SPONSOR_KEY: key }), server());
  expect(await found(bare!)).toMatchObject({ state: 'fail', what: expect.stringMatching(/needs CHAIN/) });
  const [check] = ofSponsor(envOf({ SPONSOR_KEY: key, CHAIN: url }), server());
  expect(await found(check!)).toMatchObject({ id: 'sponsor', state: 'fail', what: expect.stringMatching(/no coins/) });
});

test.each<readonly [string, string, Parameters<typeof server>[0], string, RegExp]>([
  ['with the contracts', url, {}, 'ok', /contracts are on the chain of CHAIN/],
  ['without them', url, { code: '0x' }, 'fail', /contracts are not on chain 31337/],
  ['that nobody knows', url, { id: 5 }, 'fail', /No contracts are known for chain 5/],
  ['that is silent', url, { answers: false }, 'fail', /does not say its chain/],
  ['that is started here', 'local', {}, 'ok', /on port 8545/],
])('a named chain %s', async (_, chain, answers, state, what) => {
  const [check] = ofNamedChain(envOf({ CHAIN: chain }), server(answers));
  expect(await found(check!)).toMatchObject({ id: 'named-chain', state, what: expect.stringMatching(what) });
});
