import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '#lib/base/logger.ts';
import { rawRefusal } from './error-body.ts';
import type { ClientAddress, FindClient } from './client-address.ts';
import type { Guard } from './guard.ts';

/** Hands WebSocket upgrades of the one public port over to the network, after the same checks as any request. */
export interface Upgrades {
  /** For the server's `upgrade` event. */
  readonly onUpgrade: (request: IncomingMessage, client: Duplex, head: Buffer) => void;
  /** Sockets that were handed over and are open. */
  readonly size: number;
  /** Drops them all, now. */
  close(): void;
}

/** A socket that the network answers from here on, and where its other end is. */
export interface HandedOver {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client has sent already after its request. */
  readonly head: Buffer;
  readonly from: ClientAddress;
}

export interface UpgradeOptions {
  readonly guard: Guard;
  readonly findClient: FindClient;
  /** Takes a socket; undefined while the network is not up. */
  readonly accept: () => ((handed: HandedOver) => void) | undefined;
  readonly logger: Logger;
  readonly limits?: Partial<typeof upgradeLimits>;
}

export const upgradeLimits = { openMax: 10_000 } as const;

export function createUpgrades({ guard, findClient, accept, logger, limits }: UpgradeOptions): Upgrades {
  const { openMax } = { ...upgradeLimits, ...limits };
  const open = new Set<Duplex>();
  /** Told no, and not gone yet. */
  const leaving = new Set<Duplex>();
  let closed = false;

  const refusalOf = (request: IncomingMessage): Refusal | undefined => {
    const { host, origin, upgrade } = request.headers;
    if (upgrade?.toLowerCase() !== 'websocket')
      return refusal(426, 'upgrade-required', 'Only WebSocket is spoken here.');
    if (request.url?.split('?')[0] !== '/') return refusal(404, 'not-found', 'The network is reached at the path "/".');
    const name = guard.judgeHost(host);
    if (!name.allowed) return refusal(403, name.code, name.message);
    const page = guard.judgeOrigin({ host, origin, method: 'POST' });
    if (!page.allowed) return refusal(403, page.code, page.message);
    if (closed || open.size >= openMax) {
      return refusal(503, 'gateway-busy', 'This relay has as many connections as it can. Try again in a few seconds.');
    }
    return undefined;
  };

  const onUpgrade: Upgrades['onUpgrade'] = (request, client, head) => {
    client.on('error', () => client.destroy());
    const refused = refusalOf(request);
    const take = accept();
    if (refused || !take) {
      const { status, code, message } =
        refused ?? refusal(503, 'starting', 'The network is not up yet. Try again in a second.');
      logger.info('upgrade-refused', { code });
      dismiss(client, rawRefusal(status, { code, message }));
      return;
    }
    open.add(client);
    client.once('close', () => open.delete(client));
    take({ request, socket: client, head, from: findClient(request) });
  };

  /** An upgraded socket stays open on its other half until both sides close it: a peer that never does is not waited for. */
  const dismiss = (client: Duplex, answer: string) => {
    leaving.add(client);
    client.once('close', () => leaving.delete(client));
    // What is left unread would turn the end into a reset, and the answer would be lost with it.
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
      for (const client of [...leaving, ...open]) client.destroy();
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const refusal = (status: number, code: string, message: string): Refusal => ({ status, code, message });
