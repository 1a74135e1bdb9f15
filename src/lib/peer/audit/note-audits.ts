import type { PeerId } from '#lib/protocol/ids.ts';
import { isInFavour } from '#lib/trust/audit-share.ts';
import type { Calibration } from '#lib/trust/calibration.ts';
import {
  addMargins,
  calibratedRule,
  sequentialStart,
  uncalibratedRule,
  type SeriesRule,
} from '#lib/trust/sequential.ts';
import type { AuditBook } from '../tiers/audits.ts';
import type { AuditOutcomeEffect } from './auditing.ts';
import type { Calibrations } from './calibrations.ts';
import { noNotes, notesMax, type BookStore, type Notes, type Series } from './book-store.ts';

type Score = Extract<AuditOutcomeEffect, { of: 'score' }>;

/**
 * Writes into the book what audits come to here, and goes on from what is stored. Only verdicts count: an answer that was judged
 * neither way was not checked. Whoever has been found guilty is convicted at once, until an appeal lifts it; so is a worker whose answers pass one
 * by one and are too many strange tokens together, for as long as this peer remembers it.
 * @throws those of the storage.
 */
export async function noteAudits(
  self: PeerId,
  book: AuditBook,
  store: BookStore,
  calibrations?: Pick<Calibrations, 'of' | 'learn' | 'forget'>,
): Promise<(effect: AuditOutcomeEffect) => void> {
  const workers = new Map<PeerId, Notes>();

  const forget = (worker: PeerId) => {
    workers.delete(worker);
    store.forget(worker);
  };
  const keep = (worker: PeerId, notes: Notes) => {
    workers.delete(worker);
    workers.set(worker, notes);
    for (const [oldest, { convictions }] of workers) {
      if (workers.size <= notesMax.workers) break;
      // As in the book: a conviction is forgotten last.
      if (convictions.length === 0) forget(oldest);
    }
    if (workers.size > notesMax.workers) forget(workers.keys().next().value!);
    book.note(worker, summaryOf(notes));
  };
  const change = (worker: PeerId, write: (notes: Notes) => Notes) => {
    const notes = write(workers.get(worker) ?? noNotes);
    if (notes.convictions.length > 0) calibrations?.forget(worker);
    keep(worker, notes);
    store.write(worker, notes);
  };

  const noteScore = (one: Score) => {
    const { judged, receipt } = one;
    const { worker } = receipt.record;
    if (judged.verdict === 'undecided' && !judged.isBeyond) return;
    // Its asker chose it: neither a name, nor a smaller share, nor a series or a calibration is to be had by it. A panel may still convict.
    if (!isInFavour(one.counts)) return;
    change(worker, (notes) => {
      const added = withSeries(notes, one, calibrations?.of(receipt.record));
      return judged.isBeyond ? { ...added, doubtedAt: added.audited } : scored(added, one, self);
    });
    if (judged.verdict !== 'passed' || !judged.margins) return;
    if (workers.get(worker)?.convictions.length === 0) calibrations?.learn(receipt, judged.margins);
  };

  for (const [worker, notes] of await store.read()) keep(worker, notes);
  return (one) => {
    switch (one.of) {
      case 'epoch':
        if (one.effect === 'committed') {
          const { worker, count, epoch } = one.epoch.record;
          // What was heard before a restart is told again.
          if (epoch <= (workers.get(worker)?.lastEpoch ?? -1)) return;
          return change(worker, (notes) => ({ ...notes, receipts: notes.receipts + count, lastEpoch: epoch }));
        }
        return change(one.one.record.worker, (notes) => convicted(notes, one.one.hash));
      case 'score':
        return noteScore(one);
      case 'trial': {
        const { effect, trial } = one;
        const { audit } = trial.accusation;
        const { worker } = trial.receipt;
        if (effect.type === 'derank') change(worker, (notes) => convicted(notes, audit));
        if (effect.type === 'restore')
          change(worker, (notes) => ({ ...notes, convictions: notes.convictions.filter((other) => other !== audit) }));
        // What an accuser planted it chose itself, at no cost: a friend's would be audited as often as it likes.
        if (effect.type !== 'settled' || (effect.outcome !== 'convicted' && effect.outcome !== 'cleared')) return;
        const judges = trial.state.counted.flatMap(({ verdict, validator }) =>
          verdict === 'undecided' ? [] : [validator],
        );
        return change(worker, (notes) =>
          // Whom an accuser calls guilty, to have it cleared, it has chosen as well: that names its judges, and is no audit that was passed.
          effect.outcome === 'convicted'
            ? audited(notes, trial.state.terms.receipt, judges)
            : { ...notes, validators: withJudges(notes, judges) },
        );
      }
      // The steps of an audit of one's own, whose score and trial are told apart from it.
      case 'audit':
    }
  };
}

const summaryOf = ({ receipts, audited, doubtedAt, margins, measured, validators, convictions, series }: Notes) => ({
  receipts: Math.max(receipts, audited),
  audited,
  ...(doubtedAt === undefined ? {} : { sinceDoubt: audited - doubtedAt }),
  margin: measured > 0 ? margins / measured : undefined,
  validators: validators.length,
  convictions: convictions.length,
  ...(series.length === 0 ? {} : { series: togetherOf(series.filter(({ key }) => !key.endsWith(calibratedWord))) }),
});

/** The tokens of the tests under way, and how many tests have ended well. */
const togetherOf = (series: readonly Series[]) => ({
  tokens: series.reduce((sum, { test }) => sum + test.tokens, 0),
  mismatches: series.reduce((sum, { test }) => sum + test.mismatches, 0),
  cleared: series.reduce((sum, { test }) => sum + test.cleared, 0),
});

/** A limited set: what is known already stays where it is, and what is too much is not taken in. */
const including = <T>(set: readonly T[], one: T, max: number): readonly T[] =>
  set.includes(one) || set.length >= max ? set : [...set, one];

const convicted = (notes: Notes, by: string): Notes => ({
  ...notes,
  convictions: including(notes.convictions, by, notesMax.convictions),
});

const withJudges = ({ validators }: Notes, judges: readonly PeerId[]) =>
  judges.reduce((known, judge) => including(known, judge, notesMax.validators), validators);

function audited(notes: Notes, receipt: string, judges: readonly PeerId[]): Notes {
  const validators = withJudges(notes, judges);
  if (notes.newest.includes(receipt)) return { ...notes, validators };
  const newest = [...notes.newest, receipt].slice(-notesMax.newest);
  return { ...notes, validators, audited: notes.audited + 1, newest };
}

function scored(notes: Notes, { judged, receipt }: Score, self: PeerId): Notes {
  const next = audited(notes, receipt.hash, [self]);
  return { ...next, margins: next.margins + judged.margin, measured: next.measured + 1 };
}

/** A test of its own for each artefact and engine: honest kernels differ, and old honesty must not pay for another. */
function withSeries(notes: Notes, { judged, receipt }: Score, calibration: Calibration | undefined): Notes {
  // An answer that is scored twice would count twice.
  if (!judged.margins || notes.newest.includes(receipt.hash)) return notes;
  const { artefact, engine } = receipt.record;
  const key = [artefact, engine.name, engine.build, engine.deviceClass].join(' ');
  const added = withTest(notes, key, judged.margins, uncalibratedRule);
  return calibration ? withTest(added, key + calibratedWord, judged.margins, calibratedRule(calibration)) : added;
}

/** It finds what is smaller, and has its own test: the two count other tokens as strange. */
const calibratedWord = ' calibrated';

function withTest(notes: Notes, key: string, margins: readonly number[], rule: SeriesRule): Notes {
  const before = notes.series.find((one) => one.key === key)?.test ?? sequentialStart;
  const test = addMargins(before, margins, rule);
  const others = notes.series.filter((one) => one.key !== key);
  const next = { ...notes, series: [...others, { key, test }].slice(-notesMax.series) };
  return test.verdict === 'convicted' ? convicted(next, `series ${key}`) : next;
}
