import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { messageText, type ChatMessage } from '#lib/protocol/kinds/chat.ts';

/**
 * Renders a conversation with the template in a model's `mlc-chat-config.json`. WebLLM can render chats itself, but
 * cannot start in the middle of an answer and renders a second turn differently from a first; a single renderer keeps
 * resumed answers exact. Algorithm: the conversation template of MLC LLM (llm.mlc.ai/docs, "Customize MLC Chat
 * Config").
 */
export type MlcTemplate = z.output<typeof mlcTemplateSchema>;

export const mlcTemplateSchema = z.looseObject({
  name: z.string().nullish(),
  system_template: z.string().default(''),
  system_message: z.string().default(''),
  roles: z.looseObject({ user: z.string(), assistant: z.string() }),
  role_templates: z.record(z.string(), z.string()).nullish(),
  seps: z.array(z.string()).min(1),
  role_content_sep: z.string().nullish(),
  role_empty_sep: z.string().nullish(),
  add_role_after_system_message: z.boolean().nullish(),
  render_empty_system_message: z.boolean().nullish(),
  /** Ids of the tokens WebLLM prepends to its own chats. */
  system_prefix_token_ids: z.array(z.number()).nullish(),
});

/** Text of the first token, which WebLLM inserts by id, keyed by prefix of the template's name. */
const firstTokens: readonly (readonly [string, string])[] = [
  ['llama-3', '<|begin_of_text|>'],
  ['gemma', '<bos>'],
];

/**
 * The template in a model's configuration. Undefined if there is no valid one, or if it starts with a token whose text
 * is unknown: without that token it would be a different prompt.
 */
export function readMlcTemplate(raw: unknown): MlcTemplate | undefined {
  const { data } = mlcTemplateSchema.safeParse(raw);
  return data && (firstToken(data) !== undefined || (data.system_prefix_token_ids ?? []).length === 0)
    ? data
    : undefined;
}

const firstToken = ({ name }: MlcTemplate): string | undefined =>
  firstTokens.find(([beginning]) => name?.startsWith(beginning))?.[1];

/**
 * Control markers of the templates. Inside messages they are broken up, so that a message cannot impersonate another
 * role.
 */
const marks = /<(\|[a-z_]{1,32}\|)>|<((?:start|end)_of_turn|bos|eos)>/g;
const withoutMarks = (text: string): string => text.replace(marks, (_, bar, word) => `< ${bar ?? word} >`);

/** Renders up to the start of the answer. @throws `bad-request` for a role the template does not support. */
export function renderMlc(
  messages: readonly ChatMessage[],
  template: MlcTemplate,
  options: { readonly answerPrefix: string },
): string {
  const system = messages.filter((message) => message.role === 'system').map(textOf);
  const turns = messages.filter((message) => message.role !== 'system');
  const systemMessage = system.length > 0 ? system.join('\n') : template.system_message;
  const systemPrompt =
    systemMessage === '' && template.render_empty_system_message === false
      ? ''
      : template.system_template.replace('{system_message}', () => systemMessage);
  const contentSep = template.role_content_sep ?? ': ';
  const first = firstToken(template) ?? '';

  const written = turns.map((message, index) => {
    if (message.role !== 'user' && message.role !== 'assistant') {
      throw new TabloomError(
        'bad-request',
        `This model does not support messages with the role "${message.role}". Remove them.`,
      );
    }
    const text = textOf(message);
    const shaped = template.role_templates?.[message.role]
      ?.replace(`{${message.role}_message}`, () => text)
      .replace('{function_string}', '');
    const withoutRole = template.add_role_after_system_message === false && systemPrompt !== '' && index === 0;
    const role = withoutRole ? '' : template.roles[message.role] + contentSep;
    return role + (shaped ?? text) + template.seps[index % template.seps.length]!;
  });
  const emptySep = options.answerPrefix === '' ? (template.role_empty_sep ?? ': ') : contentSep;
  return first + systemPrompt + written.join('') + template.roles.assistant + emptySep + options.answerPrefix;
}

const textOf = (message: ChatMessage): string => withoutMarks(messageText(message));
