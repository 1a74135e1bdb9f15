import type { ChatMessage } from './kinds/chat.ts';

/**
 * Characters (UTF-16 code units) that a token stands for, on average over a prompt, by what the estimate is for. Only the
 * model's own tokenizer counts exactly: about 4 in English, 3 in other Latin scripts and in code, fewer than 2 in Chinese.
 */
const charactersPerToken = {
  /** A bound for refusing a prompt unseen: no tokenizer packs more. */
  least: 32,
  /** Where too many tokens would be the worse error: a worker that is passed over cannot answer that it has room. */
  low: 6,
  /** For a count that is shown or signed because no better one exists. */
  typical: 4,
  /** Where too few would be the worse error: text that must fit a context. */
  high: 3,
  /** For time that must suffice in every script. */
  highest: 2,
} as const;

/** Tokens of a text of this length; rounded up. */
export const estimateTokens = (characters: number, bias: keyof typeof charactersPerToken): number =>
  Math.ceil(characters / charactersPerToken[bias]);

/** The texts of a message, in order; files contribute nothing. */
export function promptTexts({ content }: Pick<ChatMessage, 'content'>): readonly string[] {
  if (typeof content === 'string') return [content];
  return content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
}
