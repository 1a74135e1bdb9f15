import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { isPublicRelay, relayInfoSchema, type RelayPayments } from '#lib/protocol/relay-info.ts';
import { announcedAddress } from './address.ts';

/**
 * The relays that a program joins, from their URLs. A relay's peer id is read from its `/relay.json` each time, since one
 * that lost its data comes back with another.
 */
export interface RelayList {
  /** Multiaddrs of those that answer, then of those known from before; each as listed. */
  readonly addresses: () => Promise<readonly string[]>;
  /** These, then the public relays that they name. */
  readonly addressesWithLearned: () => Promise<readonly string[]>;
  /** Registers the listener that is called when a relay answers for the first time. Returns the function that removes it. */
  readonly onFound: (listener: () => void) => () => void;
  /** Whether the peer is one of these relays, by its own account. */
  includes(peer: PeerId): boolean;
  /** Where those that send for others on this chain are asked to. */
  sponsorsOn(chain: number): readonly URL[];
  /** The URL of a relay, for people to read. */
  urlOf(peer: PeerId): string | undefined;
}

export interface RelayListComponents {
  /** Http URLs. */
  readonly urls: readonly URL[];
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const answerTimeoutMs = 3_000;
const answerBytesMax = 16_384;
/** Pause before relays that have never answered are asked again; it doubles. */
const retryMs = { first: 1_000, max: 10_000 } as const;

export function createRelayList({ urls, fetch, clock, random, logger, signal }: RelayListComponents): RelayList {
  const known = new Map<URL, PeerId>();
  const learned = new Map<URL, readonly string[]>();
  const payments = new Map<URL, RelayPayments | undefined>();
  const listeners = new Set<() => void>();
  const addressOf = (url: URL) => `${announcedAddress('', 0, url)}/p2p/${known.get(url)}`;

  const ask = async (url: URL): Promise<boolean> => {
    const timeout = new AbortController();
    const ended = AbortSignal.any([signal, timeout.signal]);
    const limit = clock.delay(answerTimeoutMs, { signal: ended }).then(
      () => timeout.abort(),
      () => undefined,
    );
    try {
      const response = await raceSignal(fetch(new URL('relay.json', url), { signal: ended, redirect: 'error' }), ended);
      const text = await raceSignal(readSome(response), ended);
      const info = relayInfoSchema.parse(JSON.parse(text));
      known.set(url, info.peer);
      learned.set(url, info.relays?.filter(isPublicRelay) ?? []);
      payments.set(url, info.payments);
      return true;
    } catch (error) {
      if (!signal.aborted) logger.info('relay-silent', { url: url.origin, code: errorCode(error) });
      return false;
    } finally {
      timeout.abort();
      await limit;
    }
  };

  /** A relay that is away at the start is joined as soon as it answers, however many others are there. */
  const findMissing = async () => {
    for (let pauseMs: number = retryMs.first; ; pauseMs = Math.min(retryMs.max, pauseMs * 2)) {
      await clock.delay(pauseMs * (0.5 + random.float()), { signal });
      const missing = urls.filter((url) => !known.has(url));
      if (missing.length === 0) return;
      const found = await Promise.all(missing.map(ask));
      if (found.includes(true)) for (const listener of listeners) listener();
    }
  };
  findMissing().catch(() => undefined);

  const addresses = async () => {
    const answers = await Promise.all(urls.map(ask));
    const answering = urls.filter((_url, index) => answers[index]);
    const silent = urls.filter((url, index) => !answers[index] && known.has(url));
    return [...answering, ...silent].map(addressOf);
  };

  return {
    addresses,
    addressesWithLearned: async () => [...(await addresses()), ...urls.flatMap((url) => learned.get(url) ?? [])],
    onFound(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    includes: (peer) => [...known.values()].includes(peer),
    sponsorsOn: (chain) =>
      [...payments].flatMap(([url, named]) =>
        named?.chain === chain && named.sponsor !== undefined ? [new URL(named.sponsor, url)] : [],
      ),
    urlOf: (peer) => [...known].find(([, one]) => one === peer)?.[0].origin,
  };
}

async function readSome(response: Response): Promise<string> {
  if (!response.ok) throw new Error(`status ${response.status}`);
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > answerBytesMax) throw new Error('too long');
  }
  return text;
}
