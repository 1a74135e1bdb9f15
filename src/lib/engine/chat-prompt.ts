import { messageText, type ChatMessage } from '#lib/protocol/kinds/chat.ts';

/** How a conversation is written for a model; named by the catalog, so that every engine gives a model the same text. */
export type PromptTemplate = 'chatml' | 'llama3';

interface TemplateMarks {
  readonly before: (role: string) => string;
  readonly after: string;
  /** Marks that only a template may write: in a message they are broken up. */
  readonly reserved: RegExp;
}

const templates: Readonly<Record<PromptTemplate, TemplateMarks>> = {
  chatml: {
    before: (role) => `<|im_start|>${role}\n`,
    after: '<|im_end|>\n',
    reserved: /<\|(im_start|im_end|endoftext)\|>/g,
  },
  llama3: {
    before: (role) => `<|start_header_id|>${role}<|end_header_id|>\n\n`,
    after: '<|eot_id|>',
    reserved: /<\|(start_header_id|end_header_id|eot_id|begin_of_text|end_of_text)\|>/g,
  },
};

/**
 * The prompt of a conversation, ending where the assistant's answer begins. Marks inside a message lose their meaning,
 * so that nobody can speak as another role.
 */
export function renderChat(messages: readonly ChatMessage[], template: PromptTemplate): string {
  const { before, after, reserved } = templates[template];
  const rendered = messages.map(
    (message) => before(message.role) + messageText(message).replace(reserved, '<| $1 |>') + after,
  );
  return rendered.join('') + before('assistant');
}

/**
 * The conversation without its oldest turn: the first message that is neither `system` nor the last, with the answers
 * that follow it. Undefined when only the last message is left to drop.
 */
export function withoutOldestTurn(messages: readonly ChatMessage[]): readonly ChatMessage[] | undefined {
  const first = messages.findIndex((message) => message.role !== 'system');
  if (first < 0 || first >= messages.length - 1) return undefined;
  let next = first + 1;
  while (next < messages.length - 1 && messages[next]!.role !== 'user') next += 1;
  return [...messages.slice(0, first), ...messages.slice(next)];
}
