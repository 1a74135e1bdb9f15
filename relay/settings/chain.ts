import type { Settings } from './setting.ts';
import { serverOf } from './values.ts';

export const chainSettings = {
  CHAIN_RPC_URL: {
    schema: serverOf(/^https?:$/, 'https://rpc.example').optional(),
    secret: true,
    meaning:
      'A JSON-RPC server of the chain: of the one on which payments are made, and contract wallets that sign in are. Wallets with a key sign in without. Payments ask a public server where there is none.',
  },
} as const satisfies Settings;
