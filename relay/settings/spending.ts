import { z } from 'zod';
import type { EnvOf, Settings } from './setting.ts';
import { decimal, hexadecimal, millionths } from './values.ts';

export type SpendingEnv = EnvOf<typeof spendingSettings>;

/** In the smallest unit of the tokens that are paid with. */
const dollars = millionths('dollars');

/** What a gateway pays other peers for, and how much at most. */
export const spendingSettings = {
  SPEND_KEY: {
    schema: hexadecimal(64, 'a private key').optional(),
    secret: true,
    meaning:
      'The private key of the account that providers with a price are paid from: it makes deposits, and pays their gas. It is used for nothing else. Without it only free providers are asked. See [Paying providers](#paying-providers).',
  },
  SPEND_CHAIN: {
    schema: decimal.pipe(z.number().int()).default(8453),
    meaning: 'The chain on which providers are paid, by its number. Tabloom’s contracts must be on it.',
  },
  SPEND_JOB_MAX: {
    schema: dollars.default(250_000n),
    standard: '`0.25`',
    meaning:
      'What a job may cost at providers, in dollars. For callers who pay, it is also never more than what is held from them, less the margin. `0` ends it: nothing is paid any more, and what lies in channels is withdrawn.',
  },
  SPEND_DEPOSITS_MAX: {
    schema: dollars.default(20_000_000n),
    standard: '`20`',
    meaning: 'What may lie in channels, in dollars.',
  },
  SPEND_PROVIDER_MAX: {
    schema: dollars.default(5_000_000n),
    standard: '`5`',
    meaning: 'The same for one provider.',
  },
  SPEND_IN: {
    schema: dollars.default(1_000_000n),
    standard: '`1`',
    meaning: 'The highest price that is paid for a million tokens of prompts, in dollars.',
  },
  SPEND_OUT: {
    schema: dollars.default(4_000_000n),
    standard: '`4`',
    meaning: 'The same of answers.',
  },
  SPEND_MARGIN: {
    schema: decimal.pipe(z.number().int().max(100)).default(10),
    meaning: 'Percent of what callers pay that stays with the operator.',
  },
  AUDIT_SUBSIDY: {
    schema: millionths('credits').default(0n),
    standard: '`0`',
    meaning:
      'Credits a day that canaries may cost at providers beyond what the levy has collected. `0`: where the levy is empty, only providers that are free are asked for any. See [Audits](#audits).',
  },
  SPEND_OWNER: {
    schema: z.enum(['yes', 'no']).default('no'),
    meaning: 'Whether jobs of the operator’s own keys, and of this machine, may cost something too.',
  },
} as const satisfies Settings;

/** Whether providers are paid, or were and have to be settled with. */
export const spends = ({ SPEND_KEY }: SpendingEnv): boolean => SPEND_KEY !== undefined;
