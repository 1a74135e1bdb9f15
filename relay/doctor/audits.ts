import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { BeaconValue } from '#lib/trust/beacon.ts';
import { trialWindows } from '#lib/trust/trial-state.ts';
import { openBeacon, type BeaconEnv } from '../audit/beacon.ts';
import type { AuditEnv } from '../settings/auditing.ts';
import { fail, ok, skipped, warn, type Check, type Outcome } from './finding.ts';
import type { Fetch } from '#lib/base/read-json.ts';

/** Five judge an appeal, two more stand in for those who sleep, and neither party is among them. */
const validatorsFew = 7;

interface DoctorEnv extends AuditEnv, BeaconEnv {
  readonly CHAIN?: string | undefined;
}

/** Of a network that names its validators. */
export const ofAudits = (env: DoctorEnv, fetch: Fetch, clock: Clock): readonly Check[] => {
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
    { id: 'beacon', limitMs: 20_000, run: (signal) => runBeacon(env, { fetch, clock }, signal) },
  ];
};

async function runBeacon(
  env: DoctorEnv,
  effects: { readonly fetch: Fetch; readonly clock: Clock },
  signal: AbortSignal,
) {
  const isBlocks = env.BEACON === 'blocks';
  if (isBlocks && env.BEACON_RPC_URLS.length === 0 && env.CHAIN_RPC_URL === undefined && env.CHAIN !== undefined)
    return skipped('The beacon is the blocks of CHAIN, whose number is read when the relay starts.');
  try {
    const beacon = await openBeacon({ env, ...effects });
    const now = effects.clock.now();
    // Due for a while, so that a server that lags has it; or as long as a trial waits for its panel.
    const round = isBlocks ? beacon.roundAfter(now - trialWindows.drawMs) : beacon.roundAfter(now) - roundsAgo;
    const { type } = await beacon.value(round, { signal });
    return (isBlocks ? blockOutcomes : drandOutcomes)[type];
  } catch (error) {
    if (signal.aborted || !(error instanceof TabloomError)) throw error;
    return fail(error.message, isBlocks ? 'Name servers of the chain.' : 'Correct the file, or leave BEACON_FILE out.');
  }
}

const roundsAgo = 6;

const silent = fail('No server of the beacon answers.', 'Correct BEACON_URLS, or let this machine reach one.');
const drandOutcomes = {
  value: ok('The beacon answers, and its signature holds.'),
  forged: fail('What the servers of the beacon say does not check.', 'Correct BEACON_URLS, or BEACON_FILE.'),
  missing: silent,
  'not-yet': silent,
} as const satisfies Record<BeaconValue['type'], Outcome>;

const disagreeing = fail(
  'Less than half of the servers of the beacon’s chain tell the same block, or they are of another chain.',
  'Correct BEACON_CHAIN or BEACON_RPC_URLS, or name servers of other operators.',
);
const blockOutcomes = {
  value: ok('The servers of the beacon’s chain tell the same block.'),
  forged: disagreeing,
  missing: disagreeing,
  'not-yet': fail(
    'Blocks of the beacon’s chain come too slowly: a trial waits five minutes for its panel.',
    'Lower BEACON_CONFIRMATIONS, everywhere at once, or take another chain.',
  ),
} as const satisfies Record<BeaconValue['type'], Outcome>;
