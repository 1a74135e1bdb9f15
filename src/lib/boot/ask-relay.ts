import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { readBody } from '#lib/base/read-json.ts';

/** What the page's own relay says of itself, and when. */
export interface RelayAnswer {
  /** Its `relay.json`, not yet checked; undefined where it has none, or one too long. */
  readonly info: unknown;
  /** Its clock when it answered, truncated to seconds; NaN if it did not say. */
  readonly dateAt: number;
  /** This device's clock when the response arrived, in milliseconds since the Unix epoch. */
  readonly receivedAt: number;
  readonly roundTripMs: number;
}

export interface AskRelayComponents {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  /** Of the page, which is served by its own relay. */
  readonly origin: string;
}

const timeoutMs = 8_000;
/** Any relay that the settings or others name may answer. */
export const relayInfoBytesMax = 65_536;

const slowRoundTripMs = 1_500;
const headStartMs = 250;

/**
 * How long a question waits for a direct connection; undefined for as long as usual. To set one up through the relay takes at least five
 * round trips: where one takes so long, it would come too late, and only one that is nearly there is waited for.
 * @param roundTripMs to the relay, if it is known.
 */
export const directTimeoutMs = (roundTripMs: number | undefined): number | undefined =>
  roundTripMs !== undefined && roundTripMs >= slowRoundTripMs ? headStartMs : undefined;

/**
 * Asks the page's own relay about itself. By itself, so that a page asks before the code is there that reads the answer: on a slow
 * connection that is a round trip of seconds less. Undefined if it does not respond in time.
 */
export async function askRelay({ clock, fetch, origin }: AskRelayComponents): Promise<RelayAnswer | undefined> {
  const askedAtMs = clock.elapsed();
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const url = new URL('/relay.json', origin);
    const response = await fetch(url, { signal, cache: 'no-store', credentials: 'omit' });
    const [receivedAt, roundTripMs] = [clock.now(), clock.elapsed() - askedAtMs];
    const dateAt = Date.parse(response.headers.get('date') ?? '');
    // Read at once: who needs it may come after the time limit.
    const body = response.ok ? raceSignal(readBody(response, relayInfoBytesMax), signal) : undefined;
    if (!body) void response.body?.cancel().catch(() => undefined);
    return { info: await body?.catch(() => undefined), dateAt, receivedAt, roundTripMs };
  } catch {
    return undefined;
  }
}
