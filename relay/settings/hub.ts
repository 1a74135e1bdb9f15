import type { EnvOf, Settings } from './setting.ts';
import { hexadecimal, millionths } from './values.ts';

export type HubEnv = EnvOf<typeof hubSettings>;

const dollars = millionths('dollars');

/** What peers pay a relay for the models of others, which it pays. */
export const hubSettings = {
  HUB_IN: {
    schema: dollars.optional(),
    meaning:
      'What peers pay this relay for a million tokens of prompts, in dollars, when it asks providers with a price for them. Without a price it is no hub. Needs `SPEND_KEY` and `HUB_KEY`. See [A hub](#a-hub).',
  },
  HUB_OUT: { schema: dollars.optional(), meaning: 'The same of answers.' },
  HUB_KEY: {
    schema: hexadecimal(64, 'a private key').optional(),
    secret: true,
    meaning:
      'The private key of the account that the hub is paid to, on the chain of `SPEND_CHAIN`; it needs coins for gas. It is used for nothing else.',
  },
} as const satisfies Settings;

/** Whether the relay sells what it buys. */
export const isHub = ({ HUB_IN = 0n, HUB_OUT = 0n }: HubEnv): boolean => HUB_IN + HUB_OUT > 0n;
