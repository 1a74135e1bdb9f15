import { messageText, type ChatMessage, type ChatTool } from '#lib/protocol/kinds/chat.ts';
import { toolsPrompt, withToolMarks } from './tool-calls.ts';

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
 * so that nobody can speak as another role. Functions that may be called are explained by the system; what they gave comes
 * as a user's message, which is how models with these templates are trained.
 */
export function renderChat(
  messages: readonly ChatMessage[],
  template: PromptTemplate,
  tools: readonly ChatTool[] = [],
): string {
  const { before, after, reserved } = templates[template];
  const said = messages.map((message) => ({
    role: message.role === 'tool' ? 'user' : message.role,
    text: withToolMarks(message, messageText(message)),
  }));
  if (tools.length > 0) {
    const [first] = said;
    const own = first?.role === 'system' ? `${said.shift()!.text}\n\n` : '';
    said.unshift({ role: 'system', text: own + toolsPrompt(tools) });
  }
  const rendered = said.map(({ role, text }) => before(role) + text.replace(reserved, '<| $1 |>') + after);
  return rendered.join('') + before('assistant');
}
