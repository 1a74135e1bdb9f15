import type { EngineEvent, LoadedModel, RequestOf } from '#lib/engine/spec.ts';
import type { SharedLlama } from './llama.ts';

/** How a worker of the town answers under the bundled model's name; the first of them is honest. */
export const manners = {
  honest: ({ loaded }) => loaded.doStream,
  'another model': ({ other }) => other,
  'a canned reply': ({ loaded }) => withMessages(loaded, () => [{ role: 'user', content: 'What is 3 plus 4?' }]),
  'half of the answer': ({ loaded }) =>
    async function* (request, options) {
      const events: EngineEvent[] = [];
      for await (const event of loaded.doStream(request, options)) events.push(event);
      const deltas = events.filter((event) => event.type === 'text-delta');
      const half = deltas.slice(0, Math.ceil(deltas.length / 2));
      yield* half;
      const tokensOut = half.reduce((sum, { tokens }) => sum + tokens, 0);
      for (const event of events)
        if (event.type === 'finish') yield { ...event, reason: 'stop', usage: { ...event.usage, tokensOut } };
    },
} as const satisfies Record<string, (llama: SharedLlama) => LoadedModel['doStream']>;

export type Manner = keyof typeof manners;

/** Its worker leaves its trial at three judges, and appeals to the contract alone, where five are needed. */
export const appealsOnlyOnChain = (manner: Manner): boolean => manner === 'half of the answer';

type Messages = RequestOf<'chat'>['input']['messages'];

const withMessages =
  (loaded: LoadedModel, change: (messages: Messages) => Messages): LoadedModel['doStream'] =>
  (request, options) => {
    const chat = request as RequestOf<'chat'>;
    return loaded.doStream({ ...chat, input: { ...chat.input, messages: change(chat.input.messages) } }, options);
  };
