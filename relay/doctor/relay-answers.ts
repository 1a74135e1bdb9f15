import { z } from 'zod';
import { relayInfoSchema, type RelayInfo } from '#lib/protocol/relay-info.ts';

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
