import { TabloomError } from '#lib/base/errors.ts';
import type { AnswerPart } from './ask-http.ts';
import type { DeviceRung } from './rungs.ts';

/** What is needed of the Prompt API, by which some browsers offer a model of their own (`LanguageModel`). */
export interface LanguageModelStatic {
  availability(): Promise<'unavailable' | 'downloadable' | 'downloading' | 'available'>;
  create(options: {
    readonly initialPrompts?: readonly { readonly role: string; readonly content: string }[];
    readonly signal?: AbortSignal;
  }): Promise<LanguageModelSession>;
}

interface LanguageModelSession {
  promptStreaming(text: string, options: { readonly signal: AbortSignal }): AsyncIterable<string>;
  destroy(): void;
}

export const findLanguageModel = (scope: object): LanguageModelStatic | undefined => {
  const found = (scope as { readonly LanguageModel?: LanguageModelStatic }).LanguageModel;
  return typeof found?.availability === 'function' ? found : undefined;
};

/** The browser's own model: nothing of ours is downloaded, and nothing that it says is verified or given to others. */
export const promptRung = (model: LanguageModelStatic, alone: () => boolean): DeviceRung => ({
  // Made when the visitor agrees.
  ready: () => true,
  alone,
  async *ask({ messages }, signal): AsyncGenerator<AnswerPart> {
    if ((await model.availability()) === 'unavailable') {
      throw new TabloomError('model-unloaded', 'The model of this browser is not there any more.');
    }
    const words = messages.flatMap(({ role, content }) =>
      role === 'tool' || content === null ? [] : [{ role, content }],
    );
    const last = words.at(-1);
    if (!last) throw new TabloomError('empty', 'There is nothing to answer.');
    const session = await model.create({ initialPrompts: words.slice(0, -1), signal });
    try {
      for await (const text of session.promptStreaming(last.content, { signal })) yield { type: 'text', text };
      yield { type: 'finished', reason: 'stop', calls: [] };
    } finally {
      session.destroy();
    }
  },
});
