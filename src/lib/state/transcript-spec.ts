import type { ToolResult } from './tools/toolbox.ts';
import type { ConversationRecord, TurnRecord } from './records.ts';

/** A conversation outside of this browser: its words and who said them, without receipts and peers. */
export interface Transcript {
  /** Of the conversation it was made of, wherever that is; the same one is not imported twice. */
  readonly id: string;
  readonly title: string;
  readonly system?: string | undefined;
  /** The folder that it is in, of a whole export. */
  readonly folder?: string | undefined;
  /** Of a whole export, like whether it was put away. */
  readonly tags?: readonly string[] | undefined;
  readonly archived?: boolean | undefined;
  /** Id of the turn that was last on screen. */
  readonly tip?: string | undefined;
  readonly turns: readonly TranscriptTurn[];
}

export interface TranscriptTurn {
  readonly id: string;
  /** Null for a first one. */
  readonly parent: string | null;
  readonly question: string;
  readonly continues?: boolean | undefined;
  /** What the tools gave that the answer before had called. */
  readonly results?: readonly ToolResult[] | undefined;
  readonly answer: string;
  readonly model?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
}

/** A conversation as it is saved here. */
export interface Saved {
  readonly record: ConversationRecord;
  readonly turns: readonly TurnRecord[];
}
