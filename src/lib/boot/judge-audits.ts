import type { AbortOptions } from '#lib/base/abort.ts';
import { fromHex } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createAuditing, type Auditing } from '#lib/peer/audit/auditing.ts';
import { inTurn } from '#lib/peer/audit/in-turn.ts';
import { createAuditJournal } from '#lib/peer/audit/journal.ts';
import { judgeShown } from '#lib/peer/audit/judge.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { RelayAudits } from '#lib/protocol/relay-info.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createDrandBeacon, quicknet, type RoundSource } from '#lib/trust/drand.ts';
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

/** A validator in a tab: it follows audits and votes where the beacon seats it, by the weights that are loaded here. */
export function judgeAudits({ session, terms, storage, fetch, onSeat, ...effects }: JudgeAuditsInit): Auditing {
  const { peer, signer } = session;
  const { clock, logger } = effects;
  const engine = peer.provider.servedModels('self')?.engine;
  const chain = terms.chain ?? quicknet;
  return createAuditing({
    ...effects,
    net: peer.net,
    signer,
    beacon: createDrandBeacon({
      chain,
      clock,
      sources: terms.beacons.map((server) => roundSource(new URL(`${chain.id}/public/`, server), fetch)),
    }),
    share: terms.share,
    candidates: () => terms.validators,
    scorer: inTurn(peer.provider.scorer),
    judge: judgeShown,
    engine: engine ? `${engine.name} ${engine.build} ${engine.deviceClass}`.slice(0, limits.nameLengthMax) : 'none',
    journal: createAuditJournal({ storage, clock, logger }),
    onEffect(one) {
      if (one.of === 'trial' && one.effect.type === 'seat' && one.effect.validators.includes(peer.self)) onSeat();
    },
  });
}

const answerMs = 5_000;
const answerLengthMax = 4_096;

/** A server of drand's HTTP interface. What it says is checked, so that it need not be trusted. */
const roundSource =
  (base: URL, fetch: typeof globalThis.fetch): RoundSource =>
  async (round, { signal }: AbortOptions = {}) => {
    try {
      const ended = AbortSignal.timeout(answerMs);
      const response = await fetch(new URL(String(round), base), {
        signal: signal ? AbortSignal.any([signal, ended]) : ended,
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
      });
      const text = await response.text();
      if (!response.ok || text.length > answerLengthMax) return undefined;
      const { signature } = JSON.parse(text) as { readonly signature?: unknown };
      return typeof signature === 'string' && /^[0-9a-f]{96}$/.test(signature) ? fromHex(signature) : undefined;
    } catch {
      return undefined;
    }
  };
