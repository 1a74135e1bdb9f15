import { TabloomError } from '#lib/base/errors.ts';
import type { Tab } from '#lib/state/tab.ts';
import type { AnswerPart, Question } from './ask-http.ts';
import type { DeviceRung } from './rungs.ts';

/** What is needed of a tab: asking on this device, and the model that is loaded. */
export interface DeviceTab {
  readonly asking: Pick<Tab['asking'], 'ask'>;
  readonly library: Pick<Tab['library'], 'view'>;
}

/** A model in this browser as a rung, once the visitor has had it loaded. */
export function tabRung(tab: DeviceTab, alone: () => boolean): DeviceRung {
  const loaded = () => tab.library.view.current.loaded[0];
  return {
    ready: () => loaded() !== undefined,
    alone,
    async *ask(question, signal): AsyncGenerator<AnswerPart> {
      const name = loaded();
      if (name === undefined)
        throw new TabloomError('model-unloaded', 'The model on this device is gone. Load it again.');
      yield { type: 'answerer', answerer: { model: name } };
      const request = {
        model: { name },
        kind: 'chat',
        input: { messages: toMessages(question) },
        params: { maxTokens: question.maxTokens },
        tier: 'open',
      } as const;
      for await (const event of tab.asking.ask(request, { signal, where: 'this-device' })) {
        if (event.type === 'part-received' && event.part.type === 'text-delta')
          yield { type: 'text', text: event.part.text };
        if (event.type === 'job-finished') {
          yield { type: 'finished', reason: event.reason === 'length' ? 'length' : 'stop', calls: [] };
          return;
        }
        if (event.type === 'job-failed') throw new TabloomError(event.error.code, event.error.message);
        if (event.type === 'job-cancelled') return;
      }
    },
  };
}

/** Only words: a model of this size calls no functions of a site. */
const toMessages = ({ messages }: Question) =>
  messages.flatMap(({ role, content }) => (role === 'tool' || content === null ? [] : [{ role, content }]));
