import type { JobState } from '#lib/peer/session/job-state.ts';
import type { ChatTool } from '#lib/protocol/kinds/chat.ts';
import type { RankPassages, SentAttachment } from './attachment.ts';
import type { MeaningTerms } from './rank-by-meaning.ts';
import type { ChatOptions, ConversationRecord, TurnRecord } from './records.ts';
import type { Settings } from './settings.ts';
import type { AskingPort } from './tab.ts';
import type { Needs } from './narrow-route.ts';
import type { Target } from './target.ts';
import type { Toolbox } from './tools/toolbox.ts';

/** Dependencies of a conversation. */
export interface ConversationParts {
  /** Resolves once the tab is ready to ask. */
  readonly asking: () => Promise<AskingPort>;
  readonly settings: () => Pick<
    Settings,
    'answerTokensMax' | 'temperature' | 'aboutYou' | 'privateMode' | 'followUps' | 'followUpsInPrivate'
  >;
  /** The most the answer may cost, in the smallest unit; undefined if it has to be free. */
  readonly budget: () => string | undefined;
  /** Context size of the model likely to answer, in tokens. */
  readonly contextTokens: (target: Target, needs: Needs) => number;
  /** The model of this artefact that could go on with an answer now, asked for by this target; undefined where there is none. */
  readonly resuming: (artefact: string, target: Target) => { readonly contextTokens: number } | undefined;
  /** Called when a turn starts, while its answer arrives, when it ends, and when another version is chosen. */
  readonly save: (conversation: ConversationRecord, turns: readonly TurnRecord[], answering: boolean) => Promise<void>;
  readonly rank: RankPassages;
  /** What matches a question among the documents that are kept here; nothing in private mode. @param lengthMax of characters. */
  readonly shelf: (question: string, lengthMax: number) => Promise<readonly SentAttachment[]>;
  readonly meaning: {
    /** The model that a peer computes vectors of texts with, whom this target allows; undefined where there is none. */
    readonly model: (target: Target) => string | undefined;
    readonly rank: (
      question: string,
      passages: readonly string[],
      terms: MeaningTerms,
      signal: AbortSignal,
    ) => Promise<readonly number[]>;
  };
  /** Whether somebody who can take a question for this target and tier now sees pictures. */
  readonly sees: (target: Target, tier: Needs['tier']) => boolean;
  readonly tools: {
    /** Whether somebody who can take a question for this target and tier now can use tools. */
    readonly usable: (target: Target, tier: Needs['tier']) => boolean;
    /** Those that a conversation with these options has switched on. */
    readonly offered: (options: ChatOptions) => readonly ChatTool[];
    readonly run: Toolbox['run'];
  };
  /** What could be asked after this answer; nothing where that fails. */
  readonly suggest: (question: string, answer: JobState, signal: AbortSignal) => Promise<readonly string[]>;
  readonly now: () => number;
  readonly newId: () => string;
}
