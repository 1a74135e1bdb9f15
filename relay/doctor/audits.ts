import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { openBeacon } from '../audit/beacon.ts';
import type { AuditEnv } from '../settings/auditing.ts';
import { fail, ok, warn, type Check } from './finding.ts';
import type { Fetch } from '#lib/base/read-json.ts';

/** Five judge an appeal, two more stand in for those who sleep, and neither party is among them. */
const validatorsFew = 7;

/** Of a network that names its validators. */
export const ofAudits = (env: AuditEnv, fetch: Fetch, clock: Clock): readonly Check[] => {
  const count = new Set(env.AUDIT_VALIDATORS.map(({ peer }) => peer)).size;
  if (count === 0) return [];
  return [
    {
      id: 'validators',
      run: async () =>
        count < validatorsFew
          ? warn(
              `AUDIT_VALIDATORS names ${count}: a panel may not be filled where some sleep.`,
              `Name at least ${validatorsFew}, the same at all who follow audits.`,
            )
          : ok(`AUDIT_VALIDATORS names ${count} validators.`),
    },
    {
      id: 'beacon',
      limitMs: 20_000,
      async run(signal) {
        try {
          const beacon = await openBeacon({ env, fetch, clock });
          // Due for a while, so that a server that lags has it.
          const { type } = await beacon.value(beacon.roundAfter(clock.now()) - roundsAgo, { signal });
          if (type === 'value') return ok('The beacon answers, and its signature holds.');
          if (type === 'forged')
            return fail('What the servers of the beacon say does not check.', 'Correct BEACON_URLS, or BEACON_FILE.');
          return fail('No server of the beacon answers.', 'Correct BEACON_URLS, or let this machine reach one.');
        } catch (error) {
          if (signal.aborted || !(error instanceof TabloomError)) throw error;
          return fail(error.message, 'Correct the file, or leave BEACON_FILE out.');
        }
      },
    },
  ];
};

const roundsAgo = 6;
