import { errorCode } from '#lib/base/errors.ts';
import type { BackendConfig } from '../native/bridge/backend-config.ts';
import { checkGateways } from '../gateways/check.ts';
import { shareOf } from '../gateways/division.ts';
import { gatewaySocketPath } from '../gateways/gateways.ts';
import { checkSocketPath } from '../http/private-socket.ts';
import type { RelayEnv } from '../settings/commands.ts';
import { fail, ok, warn, type Check } from './finding.ts';

/** Whether a relay starts with its gateway workers. @param servers of models, which are divided among them. */
export function ofGateways(env: RelayEnv, servers: readonly BackendConfig[]): readonly Check[] {
  const { GATEWAYS: count } = env;
  if (count === 0) return [];
  return [
    {
      id: 'gateways',
      async run() {
        try {
          checkGateways(env);
          checkSocketPath(gatewaySocketPath(env));
        } catch (error) {
          if (errorCode(error) !== 'bad-setting' || !(error instanceof Error)) throw error;
          return fail(error.message, 'Correct it; see docs/OPERATING.md, "Gateway workers".');
        }
        const without = Array.from({ length: count }, (_, place) => shareOf(servers, place, count)).filter(
          (share) => share.length === 0,
        ).length;
        if (servers.length > 0 && without > 0) {
          return warn(
            `${without} of ${count} gateway workers have no slot of a model server, and ask the others.`,
            'Set fewer GATEWAYS, or more NATIVE_SLOTS or slots in BACKENDS.',
          );
        }
        return ok(`${count} gateway workers share the database, Redis and the model servers.`);
      },
    },
  ];
}
