import { z } from 'zod';
import type { GatewayJobView } from '#lib/state/network.ts';

const eventSchema = z.object({
  at: z.number(),
  model: z.string().max(256),
  peer: z.string().max(128).nullable(),
  outcome: z.enum(['finished', 'failed', 'cancelled']),
  tokens_out: z.number().nonnegative(),
  ms: z.number().nonnegative(),
});

/** What is needed of an `EventSource`. */
export interface FeedSource {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  close(): void;
}

const seenMax = 256;

/**
 * Follows `/v1/feed` of the relay that serves this page. A source reconnects by itself, and gives up where there is no relay;
 * an event that is not understood is left out. Returns the way to stop.
 */
export function followGateway(source: FeedSource, listener: (job: GatewayJobView) => void): () => void {
  const seen = new Set<unknown>();
  source.addEventListener('message', ({ data }) => {
    // After a reconnection the latest come again.
    if (seen.has(data)) return;
    seen.add(data);
    for (const oldest of seen) if (seen.size > seenMax) seen.delete(oldest);
    const event = eventSchema.safeParse(readJson(data));
    if (!event.success) return;
    const { at, model, peer, outcome, tokens_out: tokensOut, ms } = event.data;
    listener({ at, model, peer: peer ?? undefined, outcome, tokensOut, ms });
  });
  return () => source.close();
}

function readJson(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}
