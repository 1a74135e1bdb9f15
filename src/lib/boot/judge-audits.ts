import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { chainEntry } from '#lib/pay/chain-entry.ts';
import { createAuditing, type Auditing } from '#lib/peer/audit/auditing.ts';
import { inTurn } from '#lib/peer/audit/in-turn.ts';
import { createAuditJournal } from '#lib/peer/audit/journal.ts';
import { judgeByRows } from '#lib/peer/audit/judge.ts';
import { scoredBy } from '#lib/peer/audit/scored-by.ts';
import { limits } from '#lib/protocol/limits.ts';
import { engineOf } from '#lib/protocol/offer.ts';
import type { RelayAudits } from '#lib/protocol/relay-info.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { calibrationRowsSchema } from '#lib/trust/calibration.ts';
import type { Beacon } from '#lib/trust/beacon.ts';
import { blockPeriodSeconds, createBlockBeacon } from '#lib/trust/block-beacon.ts';
import { blockServer } from '#lib/trust/block-server.ts';
import { createDrandBeacon, quicknet } from '#lib/trust/drand.ts';
import { drandServer } from '#lib/trust/drand-server.ts';
import { readOwnRelay } from './read-own-relay.ts';
import type { Session } from './sessions.ts';

export interface JudgeAuditsInit {
  readonly session: Pick<Session, 'signer'> & { readonly peer: Pick<Session['peer'], 'net' | 'provider' | 'self'> };
  readonly terms: RelayAudits;
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
  /** Called each time that this device is seated on a panel. */
  readonly onSeat: () => void;
}

const listSchema = z.object({ calibrations: calibrationRowsSchema.default([]) });

/**
 * A validator in a tab: it follows audits and votes where the beacon seats it, by the weights that are loaded here, and by the margins that the network
 * has published. @throws `audits-unread` where the relay of this page does not say which, since others would judge otherwise, or not where blocks are read;
 * `aborted`.
 */
export async function judgeAudits({
  session,
  terms,
  storage,
  fetch,
  onSeat,
  ...effects
}: JudgeAuditsInit): Promise<Auditing> {
  const { peer, signer } = session;
  const { clock, logger } = effects;
  // Of several engines that of the models which are judged with, or two that score alike would look like a copy.
  const served = peer.provider.servedModels('self');
  const judged = served?.models.find(({ artefact }) => peer.provider.scorer.has(artefact));
  const engine = served && judged && engineOf(served, judged);
  const told = await readOwnRelay(fetch, '/v1/audits', listSchema, {
    code: 'audits-unread',
    message: 'The relay of this page does not say by what its network judges. Try again later.',
  });
  return createAuditing({
    ...effects,
    net: peer.net,
    signer,
    beacon: beaconOf(terms, { fetch, clock }),
    share: terms.share,
    candidates: () => terms.validators,
    scorer: inTurn(peer.provider.scorer),
    judge: judgeByRows(told?.calibrations ?? [], scoredBy(peer.provider)),
    engine: engine ? `${engine.name} ${engine.build} ${engine.deviceClass}`.slice(0, limits.nameLengthMax) : 'none',
    journal: createAuditJournal({ storage, clock, logger }),
    onEffect(one) {
      if (one.of === 'trial' && one.effect.type === 'seat' && one.effect.validators.includes(peer.self)) onSeat();
    },
  });
}

/** The one that the network has agreed on, by which alone accusations are heard: whoever accuses must not choose between two draws. */
function beaconOf(terms: RelayAudits, effects: Pick<JudgeAuditsInit, 'fetch' | 'clock'>): Beacon {
  const { clock } = effects;
  if (terms.blocks) {
    const { chain, confirmations, rpc = chainEntry(chain)?.rpcUrl } = terms.blocks;
    if (rpc === undefined) {
      throw new TabloomError(
        'audits-unread',
        'The relay of this page does not say where the blocks are read that pick.',
      );
    }
    const blocks = blockServer(chain, rpc, effects);
    return createBlockBeacon({ chain, confirmations, periodSeconds: blockPeriodSeconds, blocks, clock });
  }
  const chain = terms.chain ?? quicknet;
  const sources = terms.beacons.map((address) => drandServer(chain, address, effects));
  return createDrandBeacon({ chain, clock, sources });
}
