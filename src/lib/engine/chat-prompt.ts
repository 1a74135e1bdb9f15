import { messageText, type ChatMessage, type ChatTool } from '#lib/protocol/kinds/chat.ts';
import { toolsPrompt, withToolMarks } from './tool-calls.ts';

/** Prompt format of a model. Named in the catalog so that every engine feeds a model the same text. */
export type PromptTemplate = 'chatml' | 'llama3';

interface TemplateMarks {
  readonly before: (role: string) => string;
  readonly after: string;
  /** Control markers that only the template may emit; inside messages they are broken up. */
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
 * Renders a conversation into a prompt that ends where the assistant's answer begins. Control markers inside messages
 * are neutralised, so that a message cannot impersonate another role. Tools are described in the system message and
 * their results are rendered as user messages, which is how models with these templates are trained.
 */
export function renderChat(
  messages: readonly ChatMessage[],
  template: PromptTemplate,
  tools: readonly ChatTool[] = [],
): string {
  const { before, after, reserved } = templates[template];
  const entries = messages.map((message) => ({
    role: message.role === 'tool' ? 'user' : message.role,
    text: withToolMarks(message, messageText(message)),
  }));
  if (tools.length > 0) {
    const [first] = entries;
    const own = first?.role === 'system' ? `${entries.shift()!.text}\n\n` : '';
    entries.unshift({ role: 'system', text: own + toolsPrompt(tools) });
  }
  const rendered = entries.map(({ role, text }) => before(role) + text.replace(reserved, '<| $1 |>') + after);
  return rendered.join('') + before('assistant');
}
