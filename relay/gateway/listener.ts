import { getRequestListener } from '@hono/node-server';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gateway } from './app.ts';

/** A gateway as Node's HTTP server calls it. Requests carry a signal that aborts when the client has left. */
export function toNodeListener(gateway: Gateway): (request: IncomingMessage, response: ServerResponse) => void {
  const listener = getRequestListener((request) => gateway.fetch(request), { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}
