import { z } from 'zod';
import { relayInfoSchema, type RelayInfo } from '#lib/protocol/relay-info.ts';

export type Fetch = typeof globalThis.fetch;

const bodyBytesMax = 16_384;

/** JSON of an address, at most 16 KiB. @throws as `fetch` does, `SyntaxError` where it is no JSON or too long. */
export async function readJson(fetch: Fetch, url: URL, signal: AbortSignal, init: RequestInit = {}) {
  const response = await fetch(url, { redirect: 'error', ...init, signal });
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > bodyBytesMax) throw new SyntaxError('too long');
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  return { status: response.status, json: JSON.parse(text) as unknown, dateMs: Number.isNaN(date) ? undefined : date };
}

/** What a relay says of itself; undefined where it is no relay. */
export function relayInfoOf(json: unknown): RelayInfo | undefined {
  return relayInfoSchema.safeParse(json).data;
}

const healthSchema = z.object({
  state: z.string().max(64),
  build: z.string().max(64),
  peers: z.number(),
  offers: z.number(),
});

/** What `/health` of a relay says; undefined where it is no relay. */
export const healthOf = (json: unknown) => healthSchema.safeParse(json).data;
