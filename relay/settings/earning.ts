import { z } from 'zod';
import type { EnvOf, Settings } from './setting.ts';
import { decimal, hexadecimal, millionths } from './values.ts';

export type EarningEnv = EnvOf<typeof earningSettings>;

/** In the smallest unit of the tokens that are paid with. */
const dollars = millionths('dollars');

/** What peers pay a native provider, through channels on a chain. */
export const earningSettings = {
  EARN_IN: {
    schema: dollars.optional(),
    meaning:
      "What other peers pay for a million tokens of prompts, in dollars. Without a price the models are free. The owner's peers and this machine pay nothing. See [Being paid](#being-paid).",
    flag: { name: 'earn-in', argument: 'dollars', help: 'what peers pay for a million tokens of prompts' },
  },
  EARN_OUT: {
    schema: dollars.optional(),
    meaning: 'The same of answers.',
    flag: { name: 'earn-out', argument: 'dollars', help: 'what peers pay for a million tokens of answers' },
  },
  EARN_IN_MAX: {
    schema: dollars.optional(),
    standard: '`EARN_IN`',
    meaning:
      'What prompts cost while as many jobs wait as may: the price follows the queue between the two, in four steps.',
  },
  EARN_OUT_MAX: { schema: dollars.optional(), standard: '`EARN_OUT`', meaning: 'The same of answers.' },
  EARN_CHAIN: {
    schema: decimal.pipe(z.number().int()).default(8453),
    meaning: 'The chain on which peers pay, by its number. Tabloom’s contracts must be on it.',
  },
  EARN_KEY: {
    schema: hexadecimal(64, 'a private key').optional(),
    secret: true,
    meaning:
      'The private key of the account that is paid. It also signs and sends claims, for which it needs coins for gas. Needed where there is a price.',
  },
  EARN_DEPOSIT_MIN: {
    schema: dollars.default(500_000n),
    standard: '`0.5`',
    meaning: 'The smallest deposit that is served for, in dollars: each channel costs a claim.',
  },
  EARN_COIN_PRICE: {
    schema: dollars.default(4_000_000_000n),
    standard: '`4000`',
    meaning: 'What one coin of the chain costs in dollars, by which a claim is worth its gas or not.',
  },
} as const satisfies Settings;

/** Whether peers pay anything. */
export const earns = ({ EARN_IN = 0n, EARN_OUT = 0n, EARN_IN_MAX = 0n, EARN_OUT_MAX = 0n }: EarningEnv): boolean =>
  EARN_IN + EARN_OUT + EARN_IN_MAX + EARN_OUT_MAX > 0n;
