import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { mlcTemplateSchema, renderMlc } from '#lib/engine/mlc-prompt.ts';
import { scriptedTokens } from '#lib/engine/scripted-text.ts';
import type { MLCEngine } from '@mlc-ai/web-llm';

export const template = mlcTemplateSchema.parse({
  name: 'chatml',
  system_template: '{system_message}',
  roles: { user: '<|im_start|>user', assistant: '<|im_start|>assistant' },
  seps: ['<|im_end|>\n'],
  role_content_sep: '\n',
  role_empty_sep: '\n',
});

interface Ask {
  readonly messages?: ChatMessage[];
  readonly prompt?: string;
  readonly max_tokens: number;
  readonly temperature: number;
  readonly seed?: number;
}

/**
 * WebLLM as far as an answer goes: one request at a time behind a lock, an interrupt that works from the next token on,
 * a chunk a token, the usage in a chunk of its own, the prompt refused at the first read, a memory of the turn before. Its
 * text is the scripted one.
 */
export function mlcDouble(options: { readonly contextTokens: number }) {
  let interrupted = false;
  let locked: Promise<void> = Promise.resolve();
  /** Messages whose reading it remembers; a conversation that has one more is read from there on. */
  let remembered = 0;
  const seen = { prompts: [] as string[], interrupts: 0, decodedAfterInterrupt: 0 };

  async function* generate(ask: Ask, prompt: string, shape: (text: string, reason: string | null) => object) {
    const before = locked;
    let unlock: () => void = () => undefined;
    locked = new Promise((resolve) => (unlock = resolve));
    await before;
    try {
      seen.prompts.push(prompt);
      interrupted = false;
      const promptTokens = prompt.split(/\s+/).length;
      if (promptTokens >= options.contextTokens) {
        throw Object.assign(new Error(`number of prompt tokens: ${promptTokens}; context window size: 0`), {
          name: 'ContextWindowSizeExceededError',
        });
      }
      const mark = prompt.lastIndexOf('assistant\n') + 'assistant\n'.length;
      const [head, rest] =
        ask.prompt === undefined || mark < 10 ? [prompt, ''] : [prompt.slice(0, mark), prompt.slice(mark)];
      const said = rest.replace(/^<think>\n\n<\/think>\n\n/, '');
      const tokens = scriptedTokens(head, ask.temperature === 0 ? 0 : (ask.seed ?? 0), {});
      let from = 0;
      for (let joined = ''; joined !== said && from < tokens.length; from++) joined += tokens[from]!.text;
      let made = 0;
      for (const token of tokens.slice(from, from + ask.max_tokens)) {
        if (interrupted) seen.decodedAfterInterrupt += 1;
        made += 1;
        yield { choices: [shape(token.text, null)] };
        await new Promise((resolve) => setImmediate(resolve));
        if (interrupted) return void (yield { choices: [shape('', 'abort')] });
      }
      // The token that ends an answer has no text and is counted, as in 0.2.86.
      const reason = from + made < tokens.length ? 'length' : 'stop';
      yield { choices: [shape('', reason)] };
      const completionTokens = reason === 'stop' ? made + 1 : made;
      yield { choices: [], usage: { prompt_tokens: promptTokens, completion_tokens: completionTokens } };
    } finally {
      unlock();
    }
  }

  const engine = {
    chat: {
      completions: {
        create: async (ask: Ask) => {
          const unread = remembered > 0 && ask.messages!.length > remembered ? ask.messages!.slice(-1) : ask.messages!;
          remembered = ask.messages!.length;
          return generate(ask, renderMlc(unread, template, { answerPrefix: '' }), (content, finish_reason) => ({
            delta: { content },
            finish_reason,
          }));
        },
      },
    },
    completions: {
      create: async (ask: Ask) => generate(ask, ask.prompt!, (text, finish_reason) => ({ text, finish_reason })),
    },
    async resetChat() {
      remembered = 0;
    },
    async interruptGenerate() {
      seen.interrupts += 1;
      interrupted = true;
    },
  };
  return { engine: engine as unknown as MLCEngine, seen };
}
