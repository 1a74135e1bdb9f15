import type { Tier } from '#lib/protocol/job.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import type { SentAttachment } from './attachment.ts';
import type { Thinking } from './thoughts.ts';
import type { ToolName, ToolResult } from './tools/toolbox.ts';

/** A conversation as saved on this device. */
export interface ConversationRecord {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Number of turns, every version counted. */
  readonly turns: number;
  /** The title was given by the user; otherwise it is the beginning of the first question. */
  readonly named?: boolean | undefined;
  readonly pinned?: boolean | undefined;
  /** Name of the folder that it is in. */
  readonly folder?: string | undefined;
  /** Single words in small letters, by which it is found. */
  readonly tags?: readonly string[] | undefined;
  /** It is put away: out of the list, but found. */
  readonly archived?: true | undefined;
  /** Id of the last turn on screen; without it, the newest. */
  readonly tip?: string | undefined;
  readonly options?: ChatOptions | undefined;
  /** Ids of two versions that stand side by side until one is kept. */
  readonly comparing?: readonly string[] | undefined;
}

/** How questions of one conversation are asked; what is left out is as in the settings. */
export interface ChatOptions {
  /** Instructions that go before every question. */
  readonly system?: string | undefined;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly answerTokensMax?: number | undefined;
  /** Only peers whose tier was checked may answer; anybody, where it is left out. */
  readonly tier?: Exclude<Tier, 'open'> | undefined;
  /** Tools on this device that the model may call; none unless they are switched on. */
  readonly tools?: readonly ToolName[] | undefined;
  /** Whether the user's note about themselves goes along; undefined: this conversation is older than the note, or private. */
  readonly about?: boolean | undefined;
  /** Ids of the tool servers whose allowed tools the model may call. */
  readonly servers?: readonly string[] | undefined;
  /** Passages of long attachments are found by their meaning too, for which all of the text goes to a peer. */
  readonly meaning?: true | undefined;
  /** Each question takes along what matches it in the documents that are kept on this device. */
  readonly shelf?: true | undefined;
}

export const systemLengthMax = 8_000;

/** One question and its answer, stored as the job state so far; an answer that never ended was cut off. */
export interface TurnRecord {
  readonly id: string;
  /** The turn this one follows, null for a first one. Left out by builds that knew no versions: see `linkTurns`. */
  readonly parent?: string | null | undefined;
  readonly question: string;
  /** The answer goes on with that of the turn before, which the length limit had cut off. */
  readonly continues?: boolean | undefined;
  /** What the tools gave that the answer before had called: the model was asked with these, and with no question. */
  readonly results?: readonly ToolResult[] | undefined;
  readonly askedAt: number;
  /** With attachments: the text that was sent for the question, with what was chosen of them. */
  readonly prompt?: string | undefined;
  readonly attachments?: readonly SentAttachment[] | undefined;
  readonly answer: JobState;
  readonly thinking?: Thinking | undefined;
  /** Number of earlier turns not sent because they did not fit the context. */
  readonly leftOut: number;
  /** Number of pictures, of this question and of earlier ones, that were not sent with it. */
  readonly picturesLeftOut?: number | undefined;
  /** Ids of the last tokens of the answer, as far back as every token has one; the receipts cover them. */
  readonly ids?: readonly number[] | undefined;
}

/** What the tabs of one browser tell each other about saved conversations. */
export type HistoryChange =
  /** @param answering whether an answer to it is arriving in the tab that says so. */
  | { readonly type: 'saved'; readonly record: ConversationRecord; readonly answering: boolean }
  | { readonly type: 'removed'; readonly id: string }
  /** A tab has opened it, and asks the others whether they are answering in it. */
  | { readonly type: 'opened'; readonly id: string };

/** Maximum turns of one conversation, every version counted. */
export const turnsMax = 5_000;
/** Maximum conversations listed. */
export const conversationsMax = 500;
export const titleLengthMax = 120;
/** The title of a conversation that was given none: the beginning of its first question. */
export const titleFrom = (question: string): string => question.replace(/\s+/g, ' ').slice(0, 60);
/** What the model is told after an answer that the length limit has cut off. */
export const goOn = 'Continue exactly where you stopped. Do not repeat anything.';
