import type { Chain } from '#lib/pay/spec.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { Scorer } from '#lib/peer/spec.ts';
import type { AuditBook } from '#lib/peer/tiers/audits.ts';
import type { TierCheck } from '#lib/peer/tiers/check.ts';
import type { JudgeBook } from '#lib/peer/audit/judge-book.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { createGatewayAudits, type GatewayAudits, type GatewayAuditsInit } from '../audits.ts';
import { engineOf, type NativeProvider } from '../native-provider.ts';
import { openTierCheck } from '../tier-check.ts';
import { openOwnRecord, type OwnRecord } from './own-record.ts';
import { readPublishedRows } from './published-rows.ts';

/** All that a gateway has to do with audits: what it scores with, what it has found, what it believes of a tier, what it follows. */
export interface OwnAudits {
  readonly scorer: Scorer;
  readonly book: AuditBook;
  /** How validators have judged. */
  readonly judges: JudgeBook;
  readonly calibrations: OwnRecord['calibrations'];
  readonly tierCheck: TierCheck | undefined;
  readonly audits: GatewayAudits;
}

export interface OwnAuditsInit extends Omit<
  GatewayAuditsInit,
  'scorer' | 'scoredBy' | 'unfit' | 'onEffect' | 'ownJudge' | 'known'
> {
  readonly self: PeerId;
  /** On which bonds are looked up; undefined where none is read. */
  readonly chain: Chain | undefined;
  /** Its own models, and the peer that knows what they run on: neither is there yet. */
  readonly native: () => NativeProvider;
  readonly directory: () => Peer['directory'];
}

/** @throws `bad-setting`, those of the storage. */
export async function openOwnAudits(init: OwnAuditsInit): Promise<OwnAudits> {
  const { self, chain, native, directory, clock, random, logger, storage } = init;
  const scorer: Scorer = {
    has: (artefact) => native().scorer.has(artefact),
    score: (...asked) => native().scorer.score(...asked),
  };
  const scoredBy = () => engineOf({ directory: directory() }, native());
  const published = await readPublishedRows(init.env);
  const { book, judges, calibrations, ...record } = await openOwnRecord({ self, storage, logger, scoredBy, published });
  return {
    scorer,
    book,
    judges,
    calibrations,
    tierCheck: await openTierCheck({ chain, audits: book, clock, random }),
    audits: createGatewayAudits({ ...init, scorer, scoredBy, unfit: judges.unfit, ...record }),
  };
}
