import { z } from 'zod';
import { peerIdSchema } from './ids.ts';

/** What a relay says of itself at `GET /relay.json`; a tab makes the WebSocket address from the page's own origin. */
export type RelayInfo = z.output<typeof relayInfoSchema>;

export const relayInfoSchema = z.object({
  peer: peerIdSchema,
  build: z.string().max(64),
  protocol: z.number().int(),
  network: z.enum(['small', 'large']),
});
