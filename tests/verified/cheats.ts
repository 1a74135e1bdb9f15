import type { EngineEvent, EngineInfo, LoadedModel, RequestOf } from '#lib/engine/spec.ts';
import type { TownEngines } from './town-engines.ts';

/** How a worker of the town answers under the bundled model's name. */
export interface TownManner {
  readonly stream: (engines: TownEngines) => LoadedModel['doStream'];
  /** What it says that it runs on: llama.cpp on a processor, where that is left out. */
  readonly engine?: (engines: TownEngines) => EngineInfo;
  readonly isHonest?: true;
  /** Answers that are audited, where it is no more than so many. */
  readonly jobsMax?: number;
  /** How its row in docs/VERIFICATION.md begins, for a cheat: within so many tokens one audit convicts it. */
  readonly row?: string;
}

type Stream = LoadedModel['doStream'];

/** The first of them is the one that is accused falsely too. */
export const manners = {
  honest: { isHonest: true, stream: ({ loaded }) => loaded.doStream },
  'honest, with other kernels': { isHonest: true, jobsMax: 2, stream: ({ otherKernel }) => otherKernel },
  'honest, on two threads': { isHonest: true, jobsMax: 2, stream: ({ twoThreads }) => twoThreads },
  'honest, wllama in Chromium': {
    isHonest: true,
    jobsMax: 2,
    stream: ({ browser }) => browser(1),
    engine: ({ browserEngine }) => browserEngine,
  },
  'honest, the same on two threads': {
    isHonest: true,
    jobsMax: 2,
    stream: ({ browser }) => browser(2),
    engine: ({ browserEngine }) => browserEngine,
  },
  'another model': { row: 'A smaller model', stream: ({ other }) => other },
  'pre-fill': {
    row: 'A smaller model',
    jobsMax: 2,
    // The small model writes, and the full one proves it: each token with the log-probability that it has there.
    stream: ({ other, loaded }) => withProof(other, (request, ids) => provenBy(loaded, request, ids)),
  },
  'a canned reply': {
    row: 'Canned reply',
    stream: ({ loaded }) => withMessages(loaded, () => [{ role: 'user', content: 'What is 3 plus 4?' }]),
  },
  'the same, with copied log-probabilities': {
    row: 'Canned reply',
    jobsMax: 2,
    stream: ({ loaded }) =>
      withProof(
        withMessages(loaded, () => [{ role: 'user', content: 'What is 3 plus 4?' }]),
        async (_request, ids) => ids.map(() => -1e-4),
      ),
  },
  'half of the answer': {
    row: 'Truncation',
    stream: ({ loaded }) =>
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
  },
} as const satisfies Record<string, TownManner>;

export type Manner = keyof typeof manners;
export const mannerOf = (name: Manner): TownManner => manners[name];

/** Its worker leaves its trial at three judges, and appeals to the contract alone, where five are needed. */
export const appealsOnlyOnChain = (manner: Manner): boolean => manner === 'half of the answer';

type Messages = RequestOf<'chat'>['input']['messages'];

const withMessages =
  (loaded: LoadedModel, change: (messages: Messages) => Messages): Stream =>
  (request, options) => {
    const chat = request as RequestOf<'chat'>;
    return loaded.doStream({ ...chat, input: { ...chat.input, messages: change(chat.input.messages) } }, options);
  };

/** Beside each piece the log-probabilities that are claimed for its tokens. */
const withProof = (
  stream: Stream,
  prove: (request: RequestOf<'chat'>, ids: readonly number[]) => Promise<readonly number[]>,
): Stream =>
  async function* (request, options) {
    const events: EngineEvent[] = [];
    for await (const event of stream(request, options)) events.push(event);
    const deltas = events.flatMap((event) => (event.type === 'text-delta' ? [event] : []));
    const claimed = [
      ...(await prove(
        request as RequestOf<'chat'>,
        deltas.flatMap(({ ids }) => ids ?? []),
      )),
    ];
    for (const event of events) {
      yield event;
      if (event.type !== 'text-delta' || event.tokens === 0) continue;
      const items = claimed.splice(0, event.tokens).map((logprob) => ({ token: event.text, logprob, top: [] }));
      yield { type: 'logprobs', items };
    }
  };

async function provenBy({ score }: LoadedModel, prompt: RequestOf<'chat'>, answer: readonly number[]) {
  const scores = await score!({ prompt, answer, ending: 'length' }, {});
  return scores.map(({ logprob }) => Math.min(0, logprob));
}
