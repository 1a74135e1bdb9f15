import type { Logger } from '#lib/base/logger.ts';
import type { AuditOutcomeEffect } from '#lib/peer/audit/auditing.ts';
import { createBookStore } from '#lib/peer/audit/book-store.ts';
import { openCalibrations, type CalibrationsComponents } from '#lib/peer/audit/calibrations.ts';
import { openJudgeBook, type JudgeBook } from '#lib/peer/audit/judge-book.ts';
import { judgeBy, judgeByRows } from '#lib/peer/audit/judge.ts';
import { noteAudits } from '#lib/peer/audit/note-audits.ts';
import type { Judge } from '#lib/peer/audit/validator.ts';
import { createAuditBook, type AuditBook } from '#lib/peer/tiers/audits.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { calibrationOf, kernelOf, rowsOf, type CalibrationRow } from '#lib/trust/calibration.ts';

/** What a gateway keeps of audits: the record that the tier rests on, and by what honest margins it judges its own canaries. */
export interface OwnRecord {
  readonly book: AuditBook;
  readonly onEffect: (effect: AuditOutcomeEffect) => void;
  readonly ownJudge: Judge;
  readonly known: AuditBook['of'];
  /** How validators have judged. */
  readonly judges: JudgeBook;
  /** By what honest margins this network's panels judge, and what was learned of them here. */
  readonly calibrations: { readonly published: readonly CalibrationRow[]; learned(): readonly CalibrationRow[] };
}

export interface OwnRecordInit {
  readonly self: PeerId;
  readonly storage: KeyValue;
  readonly logger: Logger;
  readonly scoredBy: CalibrationsComponents['scoredBy'];
  readonly published: readonly CalibrationRow[];
}

/** @throws those of the storage. */
export async function openOwnRecord({ self, storage, logger, scoredBy, published }: OwnRecordInit): Promise<OwnRecord> {
  const book = createAuditBook();
  const calibrations = await openCalibrations({ storage, logger, scoredBy });
  // What a network has published its panels convict by: what was learned here stands in where it has nothing.
  const honest: typeof calibrations.of = (receipt) => {
    const own = scoredBy(receipt.artefact);
    const rows = rowsOf(published, receipt.artefact, kernelOf(receipt.engine));
    return calibrationOf(rows, own && kernelOf(own)) ?? calibrations.of(receipt);
  };
  const store = createBookStore({ storage, logger });
  const noteAudit = await noteAudits(self, book, store, { ...calibrations, of: honest });
  const judges = await openJudgeBook({ storage, logger });
  return {
    book,
    judges,
    onEffect(effect) {
      noteAudit(effect);
      judges.note(effect);
    },
    ownJudge: judgeBy(honest, judgeByRows(published, scoredBy)),
    calibrations: { published, learned: calibrations.rows },
    known: book.of,
  };
}
