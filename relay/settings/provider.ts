import { chainSettings } from './chain.ts';
import { earningSettings } from './earning.ts';
import { dataSettings } from './process.ts';
import type { Settings } from './setting.ts';
import { millionths, relayUrl } from './values.ts';

/** Of the commands about a provider's account: whose, on which chain, and of which peer. */
export const providerSettings = {
  EARN_KEY: earningSettings.EARN_KEY,
  EARN_CHAIN: earningSettings.EARN_CHAIN,
  EARN_IN: earningSettings.EARN_IN,
  EARN_OUT: earningSettings.EARN_OUT,
  ...chainSettings,
  ...dataSettings('data/provide'),
} as const satisfies Settings;

export const bondSettings = {
  BOND_AMOUNT: {
    schema: millionths('dollars'),
    meaning: 'How much to bond, or to take back, in dollars.',
    flag: { name: 'amount', argument: 'dollars', help: 'how much, in dollars' },
  },
} as const satisfies Settings;

export const payoutSettings = {
  SPONSOR_RELAY: {
    schema: relayUrl.optional(),
    meaning: 'A relay that sends the payout for a fee out of it, where the account has no coins for gas.',
    flag: { name: 'sponsor', argument: 'url', help: 'a relay that sends it for a fee, without gas' },
  },
} as const satisfies Settings;
