import type { PeerId } from '#lib/protocol/ids.ts';
import type { AuditBook } from '../tiers/audits.ts';
import type { AuditOutcomeEffect } from './auditing.ts';

/** What is remembered of one worker, to be summed up in the book. */
interface Notes {
  /** In the epochs that were heard of. */
  receipts: number;
  /** Receipts with a verdict, by their hashes: an audit of the same answer by another counts once. */
  readonly audited: Set<string>;
  readonly validators: Set<PeerId>;
  /** Audits that found it guilty, or proofs that it signed two histories. */
  readonly convictions: Set<string>;
  margins: number;
  measured: number;
}

const workersMax = 4_096;
/** Of one worker; a larger count is no surer. */
const auditedMax = 4_096;
const validatorsMax = 256;
const convictionsMax = 256;

/**
 * Writes into the book what audits come to here. Only verdicts count: an answer that was judged neither way was not checked. Whoever has
 * been found guilty is convicted at once, until an appeal lifts it.
 */
export function noteAudits(self: PeerId, book: AuditBook): (effect: AuditOutcomeEffect) => void {
  const workers = new Map<PeerId, Notes>();

  const notesOf = (worker: PeerId): Notes => {
    const known = workers.get(worker) ?? {
      receipts: 0,
      audited: new Set(),
      validators: new Set(),
      convictions: new Set(),
      margins: 0,
      measured: 0,
    };
    workers.delete(worker);
    workers.set(worker, known);
    for (const [oldest, { convictions }] of workers) {
      if (workers.size <= workersMax) break;
      // As in the book: a conviction is forgotten last.
      if (convictions.size === 0) workers.delete(oldest);
    }
    if (workers.size > workersMax) workers.delete(workers.keys().next().value!);
    return known;
  };
  const change = (worker: PeerId, write: (notes: Notes) => void) => {
    const notes = notesOf(worker);
    write(notes);
    const { receipts, audited, validators, convictions, margins, measured } = notes;
    book.note(worker, {
      receipts: Math.max(receipts, audited.size),
      audited: audited.size,
      margin: measured > 0 ? margins / measured : undefined,
      validators: validators.size,
      convictions: convictions.size,
    });
  };

  return (one) => {
    switch (one.of) {
      case 'epoch':
        if (one.effect === 'committed')
          return change(one.epoch.record.worker, (notes) => {
            notes.receipts += one.epoch.record.count;
          });
        return change(one.one.record.worker, ({ convictions }) => add(convictions, one.one.hash, convictionsMax));
      case 'score': {
        const { judged, receipt } = one;
        if (judged.verdict === 'undecided') return;
        return change(receipt.record.worker, (notes) => {
          add(notes.audited, receipt.hash, auditedMax);
          add(notes.validators, self, validatorsMax);
          notes.margins += judged.margin;
          notes.measured += 1;
        });
      }
      case 'trial': {
        const { effect, trial } = one;
        const { audit } = trial.accusation;
        const { worker } = trial.receipt;
        if (effect.type === 'derank') change(worker, ({ convictions }) => add(convictions, audit, convictionsMax));
        if (effect.type === 'restore') change(worker, ({ convictions }) => void convictions.delete(audit));
        // What an accuser planted it chose itself, at no cost: a friend's would be audited as often as it likes.
        if (effect.type !== 'settled' || (effect.outcome !== 'convicted' && effect.outcome !== 'cleared')) return;
        const judges = trial.state.counted.filter(({ verdict }) => verdict !== 'undecided');
        return change(worker, ({ audited, validators }) => {
          add(audited, trial.state.terms.receipt, auditedMax);
          for (const { validator } of judges) add(validators, validator, validatorsMax);
        });
      }
      // The steps of an audit of one's own, whose score and trial are told apart from it.
      case 'audit':
    }
  };
}

function add(set: Set<string>, one: string, max: number): void {
  if (set.size < max) set.add(one);
}
