import { z } from 'zod';
import type { EnvOf, Settings } from './setting.ts';
import { decimal, hexadecimal, millionths, path } from './values.ts';

const creditsSchema = millionths('credits');

/** What jobs cost at the gateway, and where it is paid. One credit is a cent. */
export const creditSettings = {
  PRICE_IN: {
    schema: creditsSchema.optional(),
    meaning:
      'Credits for a million tokens of prompts; one credit is a cent. Without a price nothing costs anything. With one, wallets pay in advance, and strangers with each request; programs of this machine and keys that the operator makes do not. See [Credits](#credits).',
  },
  PRICE_OUT: { schema: creditsSchema.optional(), meaning: 'The same of answers.' },
  TASKS: {
    schema: path.optional(),
    meaning: 'A JSON file with tasks: prompts of yours at a fixed price. See [Plans and tasks](#plans-and-tasks).',
  },
  CREDITS_CHAIN: {
    schema: decimal.pipe(z.number().int()).default(8453),
    meaning:
      'The chain on which credits are bought, by its number: `8453` is Base, `84532` Base Sepolia, `31337` a local one.',
  },
  CREDITS_PAYEE: {
    schema: hexadecimal(40, 'an address').optional(),
    meaning: 'The address that is paid. Needed where there is a price.',
  },
  CREDITS_KEY: {
    schema: hexadecimal(64, 'a private key').optional(),
    secret: true,
    meaning:
      'The private key of an account that sends the payments to the chain and pays the gas for it; it holds coins for gas and nothing else. Needed where there is a price.',
  },
} as const satisfies Settings;

/** Whether jobs cost anything. */
export const charges = ({ PRICE_IN = 0n, PRICE_OUT = 0n }: EnvOf<typeof creditSettings>): boolean =>
  PRICE_IN + PRICE_OUT > 0n;
