import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import type { SentAttachment } from './attachment.ts';
import type { TurnRecord } from './records.ts';
import type { ToolResult } from './tools/toolbox.ts';
import { followThoughts, splitThoughts, type Thinking } from './thoughts.ts';

/** One question and its answer as it arrives. */
export class Turn {
  readonly id: string;
  readonly parent: string | null;
  readonly question: string;
  readonly continues: boolean;
  /** What the tools gave that the answer before had called. */
  readonly results: readonly ToolResult[];
  readonly askedAt: number;
  attachments = $state.raw<readonly SentAttachment[]>([]);
  /** The text that is sent for the question. */
  prompt = $state.raw('');
  leftOut = $state(0);
  /** Pictures of this path that were not sent with it. */
  picturesLeftOut = $state(0);
  answer = $state.raw<JobState>(initialJob);
  /** Whether this page is currently receiving it; an unfinished answer from the history was cut off. */
  live = $state(false);
  /** Undefined unless the model thinks before it answers. */
  thinking = $state.raw<Thinking>();
  /** What could be asked after it. Not kept. */
  followUps = $state.raw<readonly string[]>([]);
  #ids: number[] | undefined;

  constructor(record: Pick<TurnRecord, 'id' | 'question' | 'askedAt'> & Partial<TurnRecord>) {
    this.id = record.id;
    this.parent = record.parent ?? null;
    this.question = record.question;
    this.continues = record.continues ?? false;
    this.results = record.results ?? [];
    this.askedAt = record.askedAt;
    this.attachments = record.attachments ?? [];
    this.prompt = record.prompt ?? record.question;
    this.leftOut = record.leftOut ?? 0;
    this.picturesLeftOut = record.picturesLeftOut ?? 0;
    this.#ids = record.ids && [...record.ids];
    this.answer = record.answer ?? initialJob;
    this.thinking = record.thinking;
  }

  get interrupted(): boolean {
    return !this.live && !isOver(this.answer);
  }

  /** More than one job has answered: what the earlier ones gave is whole. */
  get wentOn(): boolean {
    return this.answer.attempts.some(({ earlier }) => earlier !== undefined);
  }

  /** Ids of the last tokens, as far back as every token has one. */
  get ids(): readonly number[] | undefined {
    return this.#ids;
  }

  /** Clears the answer before asking again. */
  reset(): void {
    this.answer = initialJob;
    this.followUps = [];
    this.thinking = undefined;
    this.#ids = undefined;
  }

  /** Takes over the answer that another tab has received so far. */
  follow({ answer, ids, leftOut, picturesLeftOut, attachments, prompt, thinking }: TurnRecord): void {
    if (this.live) return;
    this.answer = answer;
    this.leftOut = leftOut;
    this.picturesLeftOut = picturesLeftOut ?? 0;
    this.thinking = thinking;
    this.attachments = attachments ?? [];
    this.prompt = prompt ?? this.question;
    this.#ids = ids && [...ids];
  }

  apply(event: JobEvent): void {
    const before = this.answer;
    this.answer = reduceJob(before, event);
    if (this.thinking?.untilMs === undefined && this.answer !== before) {
      const split = splitThoughts(this.answer.text, this.answer.output.reasoning);
      this.thinking = followThoughts(this.thinking, split, event.at, isOver(this.answer));
    }
    if (event.type !== 'part-received' || event.part.type !== 'text-delta' || this.answer === before) return;
    const { tokens, ids } = event.part;
    if (tokens === 0) return;
    // If one part lacks ids, its worker's receipt does not cover ids at all; another worker's may.
    this.#ids = ids?.length === tokens ? (this.#ids ?? []).concat(ids) : [];
  }

  toRecord(): TurnRecord {
    return {
      id: this.id,
      parent: this.parent,
      question: this.question,
      ...(this.continues ? { continues: true } : {}),
      ...(this.results.length > 0 ? { results: this.results } : {}),
      askedAt: this.askedAt,
      ...(this.attachments.length > 0 ? { attachments: this.attachments, prompt: this.prompt } : {}),
      answer: this.answer,
      leftOut: this.leftOut,
      ...(this.picturesLeftOut > 0 ? { picturesLeftOut: this.picturesLeftOut } : {}),
      ...(this.thinking ? { thinking: this.thinking } : {}),
      ids: this.#ids,
    };
  }
}
