import { z } from 'zod';
import { peerIdSchema } from './ids.ts';

/** The body of `GET /relay.json`. A tab derives the WebSocket address from the page's origin. */
export type RelayInfo = z.output<typeof relayInfoSchema>;

export const relayInfoSchema = z.object({
  peer: peerIdSchema,
  build: z.string().max(64),
  protocol: z.number().int(),
  network: z.enum(['small', 'large']),
});
