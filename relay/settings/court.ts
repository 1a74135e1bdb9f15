import { z } from 'zod';
import type { EnvOf, Settings } from './setting.ts';
import { decimal, hexadecimal } from './values.ts';

export type CourtEnv = EnvOf<typeof courtSettings>;

/** Where convictions cost money: of relays, which accuse, and validators, which vote. */
export const courtSettings = {
  COURT_KEY: {
    schema: hexadecimal(64, 'a private key').optional(),
    secret: true,
    meaning:
      "The private key of the account that takes what audits end with to the contract of disputes: a relay's, which challenges a convicted worker's bond, needs a tenth of that in tokens, and a validator's, which votes, is registered there. Each needs coins for gas, and is used for nothing else. Without it verdicts count for standing only. See [Before the contract](#before-the-contract).",
  },
  COURT_CHAIN: {
    schema: decimal.pipe(z.number().int()).default(8453),
    meaning: 'The chain of that contract, by its number. Tabloom’s contracts must be on it.',
  },
} as const satisfies Settings;
