import { TabloomError } from '#lib/base/errors.ts';
import { askHttp, type AnswerPart, type HttpComponents, type Question } from './ask-http.ts';
import type { Rung } from './ladder.ts';
import type { Options } from './options.ts';
import { tabPeers } from './tab-peers.ts';

/** A model on the visitor's own device. Only the frame has one, where no foreign page can press the buttons. */
export interface DeviceRung {
  /** Whether the visitor has agreed and the model is there. */
  readonly ready: () => boolean;
  /** Whether the visitor was promised that messages stay here: then nobody else is asked, also where the device fails. */
  readonly alone: () => boolean;
  readonly ask: (question: Question, signal: AbortSignal) => AsyncIterable<AnswerPart>;
}

export interface RungComponents extends HttpComponents {
  readonly options: () => Options;
  readonly device: () => DeviceRung | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const peersFreshMs = 60_000;
const networkTimeoutMs = 3_000;

/** The rungs that there are, from the top, and how each is asked. */
export function createRungs({ options, device, now, ...http }: RungComponents) {
  let peers: { readonly atMs: number; readonly key: string; readonly order: Promise<readonly string[]> } | undefined;

  /** Visitors' tabs, looked up once a minute; without an answer the gateway chooses as it would anyhow. */
  function findPeers({ relay, key, model }: Options): Promise<readonly string[]> {
    const about = `${relay} ${model} ${key}`;
    if (peers?.key === about && now() - peers.atMs < peersFreshMs) return peers.order;
    const headers: HeadersInit = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const order = http
      .fetch(`${relay}/v1/network`, { headers, credentials: 'omit', signal: http.timeout(networkTimeoutMs) })
      .then((response) => (response.ok ? response.json() : undefined))
      .then((network: unknown) => tabPeers(network, model))
      .catch(() => []);
    peers = { atMs: now(), key: about, order };
    return order;
  }

  return {
    list(): readonly Rung[] {
      const { relay, endpoint } = options();
      const own = device();
      if (own?.ready() && own.alone()) return ['device'];
      return [
        ...(own?.ready() ? (['device'] as const) : []),
        ...(relay === undefined ? [] : (['network'] as const)),
        ...(endpoint === undefined ? [] : (['endpoint'] as const)),
      ];
    },
    async *ask(rung: Rung, question: Question, signal: AbortSignal): AsyncGenerator<AnswerPart> {
      const { relay, key, endpoint } = options();
      const own = device();
      if (rung === 'device' && own) return yield* own.ask(question, signal);
      if (rung === 'network' && relay !== undefined) {
        const order = await findPeers(options());
        const url = `${relay}/v1/chat/completions`;
        return yield* askHttp(question, { url, key, order, credentials: 'omit' }, http, signal);
      }
      if (rung === 'endpoint' && endpoint !== undefined) {
        const target = { url: endpoint, key: undefined, order: [], credentials: 'same-origin' } as const;
        return yield* askHttp(question, target, http, signal);
      }
      throw new TabloomError('rung-gone', 'This way to an answer is not there any more.');
    },
  };
}
