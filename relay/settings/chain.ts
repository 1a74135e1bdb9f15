import { z } from 'zod';
import type { Settings } from './setting.ts';
import { port, serverOf } from './values.ts';

/** Of a relay, which pages ask for the chain. */
export const namedChainSettings = {
  CHAIN: {
    schema: z.union([z.literal('local'), serverOf(/^https?:$/, 'https://rpc.example, or local')]).optional(),
    secret: true,
    meaning:
      'The chain on which payments are made here: a JSON-RPC server of it, from which its number is read, and which Tabloom’s contracts must be on; or `local`, which starts one on this machine, with test money. Pages and peers reach it through this relay (`/pay/rpc`). It stands for `CHAIN_RPC_URL`, `EARN_CHAIN`, `CREDITS_CHAIN`, `SPEND_CHAIN` and `COURT_CHAIN` too. Without one this relay names no chain. See [A chain](#a-chain).',
    flag: { name: 'chain', argument: 'url', help: 'the chain for payments, by a JSON-RPC server; "local" starts one' },
  },
  CHAIN_PORT: {
    schema: port.default(8545),
    meaning: 'The port of a local chain, on this machine alone; `0` takes a free one.',
  },
} as const satisfies Settings;

export const chainSettings = {
  CHAIN_RPC_URL: {
    schema: serverOf(/^https?:$/, 'https://rpc.example').optional(),
    secret: true,
    meaning:
      'A JSON-RPC server of the chain: of the one on which payments are made, and contract wallets that sign in are. Wallets with a key sign in without. Payments ask a public server where there is none.',
  },
} as const satisfies Settings;
