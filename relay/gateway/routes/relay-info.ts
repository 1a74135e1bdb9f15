import type { Handler } from 'hono';
import { relayInfoSchema, type RelayInfo } from '#lib/protocol/relay-info.ts';

/** `GET /relay.json`: who this relay is, so that a tab can make its network address from the page's own. */
export function showRelayInfo(info: () => RelayInfo): Handler {
  return (context) => {
    context.header('cache-control', 'no-store');
    return context.json(relayInfoSchema.parse(info()));
  };
}
