import { errorCode } from '#lib/base/errors.ts';
import type { AccountQuestion } from '../chain/look.ts';
import type { ProvideEnv, RelayEnv } from '../settings/commands.ts';
import { charges } from '../settings/credits.ts';
import { earns } from '../settings/earning.ts';
import { causeOf, fail, ok, skipped, warn, type Check, type Outcome } from './finding.ts';
import { readJson, type Fetch } from '#lib/base/read-json.ts';

/** Fewer than so many transactions are soon used up. */
const transactionsFew = 20n;
/** What knows a chain takes seconds to load. */
const limitMs = 20_000;

/** Of `provide`, and of a relay's own models: whether what a price needs is there. */
export const ofEarning = (env: ProvideEnv | RelayEnv, fetch: Fetch, chain?: string): readonly Check[] => {
  const check = (run: Check['run']): readonly Check[] => [{ id: 'earning', run, limitMs }];
  if (!earns(env)) {
    if (env.EARN_KEY === undefined) return [];
    return check(async () =>
      warn('EARN_KEY is set and there is no price: the models are free.', 'Set EARN_IN, EARN_OUT.'),
    );
  }
  const { EARN_KEY: key } = env;
  if (key === undefined)
    return check(async () =>
      fail('A price needs EARN_KEY, the key of the account that is paid.', 'Set it; "init" makes one.'),
    );
  return check(async (signal) => lookAt('EARN_KEY', key, env.EARN_CHAIN, 'contracts', { env, fetch, chain, signal }));
};

/** Whether what the gateway's price needs is there. */
export const ofCredits = (env: RelayEnv, fetch: Fetch): readonly Check[] => {
  if (!charges(env)) return [];
  const { CREDITS_KEY: key, CREDITS_PAYEE: payee, CHAIN: chain } = env;
  return [
    {
      id: 'credits',
      limitMs,
      async run(signal) {
        if (payee === undefined || key === undefined)
          return fail('A price needs CREDITS_PAYEE and CREDITS_KEY.', 'Set both; see docs/OPERATING.md.');
        return lookAt('CREDITS_KEY', key, env.CREDITS_CHAIN, 'token', { env, fetch, chain, signal });
      },
    },
  ];
};

/** Whether what it sends for others can be sent. */
export const ofSponsor = (env: RelayEnv, fetch: Fetch): readonly Check[] => {
  const { SPONSOR_KEY: key, CHAIN: chain } = env;
  if (key === undefined) return [];
  return [
    {
      id: 'sponsor',
      limitMs,
      async run(signal) {
        if (chain === undefined) return fail('SPONSOR_KEY needs CHAIN, the chain on which it sends.', 'Set CHAIN.');
        return lookAt('SPONSOR_KEY', key, env.EARN_CHAIN, 'contracts', { env, fetch, chain, signal });
      },
    },
  ];
};

/** Whether the chain that a relay names can be used. */
export const ofNamedChain = (env: RelayEnv, fetch: Fetch): readonly Check[] => {
  const { CHAIN: chain, CHAIN_PORT: port } = env;
  if (chain === undefined) return [];
  return [
    {
      id: 'named-chain',
      limitMs,
      async run(signal) {
        if (chain === 'local') {
          const { anvilPath } = await import('../chain/anvil.ts');
          return ok(`A local chain is started with the relay, on port ${port}, by ${anvilPath()}.`);
        }
        const id = await readChainId(chain, fetch, signal).catch(() => undefined);
        if (id === undefined) return fail('The server of CHAIN does not say its chain.', 'Start it, or correct CHAIN.');
        try {
          const { lookAtAccount } = await import('../chain/look.ts');
          // Any key does: the contracts are what is looked for.
          const question = { key: anyKey, chainId: id, rpcUrl: chain, uses: 'contracts' } as const;
          const { hasContracts } = await lookAtAccount(question, { fetch }, { signal });
          return hasContracts ? ok(`The contracts are on the chain of CHAIN (${id}).`) : noContracts('CHAIN', id);
        } catch (error) {
          if (signal.aborted) throw error;
          return failure('CHAIN', id, error);
        }
      },
    },
  ];
};

const anyKey = `0x${'0'.repeat(63)}1`;

interface Looking {
  readonly env: { readonly CHAIN_RPC_URL?: string | undefined };
  readonly fetch: Fetch;
  /** As `CHAIN` names it. */
  readonly chain: string | undefined;
  readonly signal: AbortSignal;
}

async function lookAt(
  name: string,
  key: string,
  given: number,
  uses: AccountQuestion['uses'],
  { env, fetch, chain, signal }: Looking,
): Promise<Outcome> {
  if (chain === 'local') return skipped(`The account of ${name} is on the local chain, which starts with the relay.`);
  // What is paid follows the chain that is named.
  const chainId = chain === undefined ? given : await readChainId(chain, fetch, signal).catch(() => given);
  try {
    const { lookAtAccount } = await import('../chain/look.ts');
    const question = { key, chainId, rpcUrl: chain ?? env.CHAIN_RPC_URL, uses };
    const sight = await lookAtAccount(question, { fetch }, { signal });
    if (!sight.hasContracts) return noContracts(name, chainId);
    const account = `The account ${sight.address} of ${name}`;
    const mend = 'Send it some of the chain’s coin.';
    if (sight.transactions === 0n) return fail(`${account} has no coins for gas on ${sight.chain}.`, mend);
    if (sight.transactions < transactionsFew)
      return warn(`${account} has gas for about ${sight.transactions} transactions on ${sight.chain}.`, mend);
    return ok(`${account} has gas for about ${sight.transactions} transactions on ${sight.chain}.`);
  } catch (error) {
    if (signal.aborted) throw error;
    return failure(name, chainId, error);
  }
}

const noContracts = (name: string, id: number): Outcome =>
  fail(`The contracts are not on chain ${id}, which ${name} needs.`, 'Deploy them there, or name another chain.');

function failure(name: string, id: number, error: unknown): Outcome {
  switch (errorCode(error)) {
    case 'bad-key':
      return fail(`${name} is no private key.`, 'Correct it: 0x and 64 hexadecimal digits.');
    case 'wrong-chain':
      return fail(
        `The server that ${name} is looked for at is not of chain ${id}.`,
        'Correct CHAIN_RPC_URL, or the chain.',
      );
    case 'chain-unknown':
      return fail(`No contracts are known for chain ${id}, which ${name} needs.`, 'Name another chain.');
    default:
      return fail(`The chain ${id} of ${name} does not answer (${causeOf(error)}).`, 'Set CHAIN_RPC_URL, or start it.');
  }
}

async function readChainId(url: string, fetch: Fetch, signal: AbortSignal): Promise<number> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
  const headers = { 'content-type': 'application/json' };
  const { json } = await readJson(fetch, new URL(url), signal, { method: 'POST', body, headers });
  const { result } = json as { readonly result?: unknown };
  if (typeof result !== 'string' || !/^0x[0-9a-f]{1,12}$/i.test(result)) throw new SyntaxError('no chain');
  return Number(result);
}
