import { TabloomError } from '#lib/base/errors.ts';
import type { RelayEnv } from '../settings/commands.ts';
import { earns } from '../settings/earning.ts';
import { isHub } from '../settings/hub.ts';
import { spends } from '../settings/spending.ts';

/**
 * Whether the settings can be those of several gateway processes: what is counted must be counted together, and a purse has one owner.
 * @throws `bad-setting`, saying what to do.
 */
export function checkGateways(env: RelayEnv): void {
  if (env.GATEWAYS === 0) return;
  const needed = (['DATABASE_URL', 'REDIS_URL'] as const).filter((name) => env[name] === undefined);
  if (needed.length > 0) {
    throw bad(
      `GATEWAYS needs ${needed.join(' and ')}: several processes count together there. Set it, or leave GATEWAYS out.`,
    );
  }
  const purses = [
    ...(earns(env) ? ['EARN_IN and EARN_OUT'] : []),
    ...(isHub(env) ? ['HUB_IN and HUB_OUT'] : []),
    ...(spends(env) ? ['SPEND_KEY'] : []),
  ];
  if (purses.length > 0) {
    const what = purses.join(', ');
    throw bad(
      `GATEWAYS does not go with ${what}: a purse is one process's. Leave one of them out, or start "provide" for it.`,
    );
  }
}

const bad = (message: string) => new TabloomError('bad-setting', message, { details: { name: 'GATEWAYS' } });
