import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/lifecycle.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import type { TurnRecord } from './records.ts';

/** One question and its answer, as it comes in. */
export class Turn {
  readonly id: string;
  readonly question: string;
  readonly askedAt: number;
  leftOut = $state(0);
  answer = $state.raw<JobState>(initialJob);
  /** Whether this page is receiving it now; an answer from the history that never ended was cut off. */
  live = $state(false);

  constructor(record: Pick<TurnRecord, 'id' | 'question' | 'askedAt'> & Partial<TurnRecord>) {
    this.id = record.id;
    this.question = record.question;
    this.askedAt = record.askedAt;
    this.leftOut = record.leftOut ?? 0;
    this.answer = record.answer ?? initialJob;
  }

  get interrupted(): boolean {
    return !this.live && !isOver(this.answer);
  }

  apply(event: JobEvent): void {
    this.answer = reduceJob(this.answer, event);
  }

  toRecord(): TurnRecord {
    return {
      id: this.id,
      question: this.question,
      askedAt: this.askedAt,
      answer: this.answer,
      leftOut: this.leftOut,
    };
  }
}
