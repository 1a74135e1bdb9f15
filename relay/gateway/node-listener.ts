import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { ResolveClientAddress } from '../http/client-address.ts';
import { readIncoming } from '../http/read-incoming.ts';
import type { Gateway } from './app.ts';
import { sendFrames } from './send-frames.ts';
import { streamedFrames } from './stream.ts';

/** Adapts a gateway to Node's HTTP server. Each request's signal aborts when the client disconnects. */
export function toNodeListener(
  gateway: Gateway,
  resolveClient: ResolveClientAddress,
): (request: IncomingMessage, response: ServerResponse) => void {
  const listener = getRequestListener(async (request, env) => {
    const incoming = env.incoming as IncomingMessage;
    const origin = { client: resolveClient(incoming).host, body: bodyOf(incoming) };
    const response = await gateway.fetch(request, origin);
    const frames = streamedFrames(response);
    if (!frames) return response;
    void sendFrames(env.outgoing as ServerResponse, response, frames);
    return RESPONSE_ALREADY_SENT;
  });
  return (request, response) => {
    const routed = () => void listener(request, response);
    if (!gateway.answerDirectly(request, response, resolveClient(request).host, routed)) routed();
  };
}

/** Read only where somebody does. What is left of it the server discards after the response. */
const bodyOf = (incoming: IncomingMessage): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => readIncoming(incoming),
});
