import { z } from 'zod';
import type { EnvOf, Settings } from './setting.ts';
import { decimal, hexadecimal, millionths } from './values.ts';

export type SponsorEnv = EnvOf<typeof sponsorSettings>;

/** What a relay sends for accounts without gas, on the chain that it names. */
export const sponsorSettings = {
  SPONSOR_KEY: {
    schema: hexadecimal(64, 'a private key').optional(),
    secret: true,
    meaning:
      'The private key of an account that sends deposits, withdrawals, payouts and claims for others, for a fee that they sign, and pays the gas; it holds coins for gas and nothing else. It needs `CHAIN`; `EARN_COIN_PRICE` says what gas is worth. See [Sending for others](#sending-for-others).',
  },
  SPONSOR_FEE_MIN: {
    schema: millionths('dollars').default(0n),
    standard: '`0`',
    meaning: 'The least fee that it sends for, in dollars. What covers the gas is asked for in any case.',
  },
  SPONSOR_LOSSES_PER_DAY: {
    schema: decimal.pipe(z.number().int().min(1).max(1_000)).default(20),
    meaning: 'How many transactions a day may cost more than they bring; then it sends for nobody until the next day.',
  },
} as const satisfies Settings;
