import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '#lib/base/logger.ts';
import { rawErrorResponse } from './error-body.ts';
import type { ClientAddress, ResolveClientAddress } from './client-address.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import type { Guard } from './guard.ts';

/** Passes WebSocket upgrades on the public port to the network, after the same checks as any other request. */
export interface UpgradeHandler {
  /** For the server's `upgrade` event. */
  readonly onUpgrade: (request: IncomingMessage, client: Duplex, head: Buffer) => void;
  /** Open sockets that the network has taken. */
  readonly size: number;
  /** Destroys all of them at once. */
  close(): void;
}

/** A WebSocket upgrade that has passed the checks and is still to be answered by the network. */
export interface PendingUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes the client has already sent after its request. */
  readonly head: Buffer;
  readonly from: ClientAddress;
}

export interface UpgradeOptions {
  readonly guard: Guard;
  readonly resolveClient: ResolveClientAddress;
  /** Answers an upgrade; undefined while the network is down. */
  readonly accept: () => ((upgrade: PendingUpgrade) => void) | undefined;
  readonly logger: Logger;
  /** By the client's own address, behind a trusted proxy too. */
  readonly limits: ConnectionLimits;
  /** Sockets of all clients together. */
  readonly openMax?: number | undefined;
}

const openMaxDefault = 10_000;

export function createUpgradeHandler(options: UpgradeOptions): UpgradeHandler {
  const { guard, resolveClient, accept, logger, limits, openMax = openMaxDefault } = options;
  const open = new Set<Duplex>();
  /** Refused, but not closed yet. */
  const rejected = new Set<Duplex>();
  let closed = false;

  const checkUpgrade = (request: IncomingMessage): UpgradeError | undefined => {
    const { host, origin, upgrade } = request.headers;
    if (upgrade?.toLowerCase() !== 'websocket')
      return upgradeError(426, 'upgrade-required', 'This address accepts WebSocket upgrades only.');
    if (request.url?.split('?')[0] !== '/')
      return upgradeError(404, 'not-found', 'The network is reached at the path "/".');
    const name = guard.checkHost(host);
    if (!name.allowed) return upgradeError(403, name.code, name.message);
    const page = guard.checkOrigin({ host, origin, method: 'POST' });
    if (!page.allowed) return upgradeError(403, page.code, page.message);
    if (closed || open.size >= openMax) {
      return upgradeError(
        503,
        'gateway-busy',
        'This relay has as many connections as it can. Try again in a few seconds.',
      );
    }
    return undefined;
  };

  const onUpgrade: UpgradeHandler['onUpgrade'] = (request, client, head) => {
    client.on('error', () => client.destroy());
    const error = checkUpgrade(request);
    const take = accept();
    if (error || !take) {
      const { status, code, message } =
        error ?? upgradeError(503, 'starting', 'The network is not up yet. Try again in a second.');
      logger.info('upgrade-refused', { code });
      reject(client, rawErrorResponse(status, { code, message }));
      return;
    }
    const from = resolveClient(request);
    const place = limits.admit(from.host);
    if (!place) {
      logger.info('upgrade-refused', { code: tooMany.code });
      return void reject(client, rawErrorResponse(429, tooMany));
    }
    open.add(client);
    client.once('close', () => {
      open.delete(client);
      place.release();
    });
    take({ request, socket: client, head, from });
  };

  /** An upgraded socket stays half-open until both sides close it, so a client that never does is cut off. */
  const reject = (client: Duplex, answer: string) => {
    rejected.add(client);
    client.once('close', () => rejected.delete(client));
    // Unread bytes would turn the close into a reset, and the answer would be lost.
    client.resume();
    client.end(answer, () => client.destroy());
  };

  return {
    onUpgrade,
    get size() {
      return open.size;
    },
    close() {
      closed = true;
      for (const client of [...rejected, ...open]) client.destroy();
    },
  };
}

/** Also what a plain socket is told. */
export const tooMany = {
  code: 'too-many-connections',
  message: 'There are too many connections from this address. Close some or try again in a minute.',
} as const;

interface UpgradeError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const upgradeError = (status: number, code: string, message: string): UpgradeError => ({ status, code, message });
