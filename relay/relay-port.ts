import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createClientAddressResolver, createProxyTest, type ResolveClientAddress } from './http/client-address.ts';
import { createConnectionLimits } from './http/connection-limits.ts';
import { errorBody } from './http/error-body.ts';
import type { Guard } from './http/guard.ts';
import { listen, type HttpHandlers, type HttpServer, type ShareConnection } from './http/server.ts';
import { createUpgradeHandler, type UpgradeOptions } from './http/upgrade.ts';
import type { HandedUpgrade } from './gateways/messages.ts';
import type { RelayEnv } from './settings/commands.ts';

/** The port of a relay, open before there is anybody to answer: until then requests are told that it starts. */
export interface RelayPort {
  readonly http: HttpServer;
  readonly resolveClient: ResolveClientAddress;
  answerWith(onRequest: HttpHandlers['onRequest']): void;
  /** A WebSocket that one of its processes was asked for. */
  onHandedUpgrade(upgrade: HandedUpgrade, socket: Socket): void;
}

export interface RelayPortInit {
  readonly env: RelayEnv;
  readonly guard: Guard;
  readonly accept: UpgradeOptions['accept'];
  readonly share: ShareConnection | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** @throws as `listen` does. */
export async function openRelayPort({ env, guard, accept, share, clock, logger }: RelayPortInit): Promise<RelayPort> {
  const resolveClient = createClientAddressResolver(env.TRUSTED_PROXIES);
  const limitsOf = (perAddressMax: number, opening: 'limited' | 'unlimited') =>
    createConnectionLimits({ clock, perAddressMax, opening });
  const upgrades = createUpgradeHandler({
    guard,
    resolveClient,
    accept,
    logger,
    limits: limitsOf(env.CONNECTIONS_PER_ADDRESS, 'limited'),
  });
  let onRequest: HttpHandlers['onRequest'] = respondStarting;
  const http = await listen({
    host: env.HOST,
    port: env.PORT,
    upgrades,
    // Room for requests beside the network; programs open a connection for each as fast as they like.
    limits: limitsOf(2 * env.CONNECTIONS_PER_ADDRESS, 'unlimited'),
    isProxy: createProxyTest(env.TRUSTED_PROXIES),
    onRequest: (request, response) => onRequest(request, response),
    share,
  });
  return {
    http,
    resolveClient,
    answerWith(listener) {
      onRequest = listener;
    },
    onHandedUpgrade({ head, ...upgrade }, socket) {
      socket.allowHalfOpen = true;
      upgrades.onUpgrade(Object.assign(new IncomingMessage(socket), upgrade), socket, Buffer.from(head));
    },
  };
}

function respondStarting(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' });
  const message = 'Tabloom is starting. Try again in a second.';
  response.end(JSON.stringify(errorBody(503, { code: 'starting', message })));
}
