import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '#lib/base/logger.ts';
import { rawRefusal } from './error-body.ts';
import type { Guard } from './guard.ts';

/**
 * Carries WebSocket upgrades of the one public port to the network's own listener on loopback, byte for byte, after the
 * same checks as any request.
 */
export interface UpgradePipe {
  /** For the server's `upgrade` event. */
  readonly onUpgrade: (request: IncomingMessage, client: Duplex, head: Buffer) => void;
  /** Connections that are open or being opened. */
  readonly size: number;
  /**
   * Whether a connection to the loopback listener comes from this pipe, by its source port. Everything else that reaches
   * that listener has gone around the checks.
   */
  readonly carries: (port: number) => boolean;
  /** Drops them all, now. */
  close(): void;
}

export interface UpgradePipeOptions {
  readonly guard: Guard;
  /** Undefined while the network is not up. */
  readonly target: () => { readonly host: string; readonly port: number } | undefined;
  readonly logger: Logger;
  readonly limits?: Partial<typeof upgradeLimits>;
}

export const upgradeLimits = {
  openMax: 10_000,
  /** Not answered by the listener yet. */
  pendingMax: 256,
  pendingMs: 10_000,
} as const;

export function createUpgradePipe({ guard, target, logger, limits }: UpgradePipeOptions): UpgradePipe {
  const { openMax, pendingMax, pendingMs } = { ...upgradeLimits, ...limits };
  const pairs = new Map<Duplex, Socket>();
  const ports = new Set<number>();
  /** Told no, and not gone yet. */
  const leaving = new Set<Duplex>();
  let pending = 0;
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
    if (closed || pairs.size >= openMax || pending >= pendingMax) {
      return refusal(503, 'gateway-busy', 'This relay has as many connections as it can. Try again in a few seconds.');
    }
    return undefined;
  };

  const onUpgrade: UpgradePipe['onUpgrade'] = (request, client, head) => {
    client.on('error', () => client.destroy());
    const refused = refusalOf(request);
    const to = target();
    if (refused || !to) {
      const { status, code, message } =
        refused ?? refusal(503, 'starting', 'The network is not up yet. Try again in a second.');
      logger.info('upgrade-refused', { code });
      dismiss(client, rawRefusal(status, { code, message }));
      return;
    }
    carry(request, client, head, to);
  };

  /** An upgraded socket stays open on its other half until both sides close it: a peer that never does is not waited for. */
  const dismiss = (client: Duplex, answer: string) => {
    leaving.add(client);
    client.once('close', () => leaving.delete(client));
    // What is left unread would turn the end into a reset, and the answer would be lost with it.
    client.resume();
    client.end(answer, () => client.destroy());
  };

  const carry = (request: IncomingMessage, client: Duplex, head: Buffer, to: { host: string; port: number }) => {
    const server = connect({ ...to, noDelay: true });
    pairs.set(client, server);
    pending += 1;
    let port: number | undefined;
    let answered = false;
    const answer = () => {
      if (answered) return;
      answered = true;
      pending -= 1;
      server.setTimeout(0);
    };
    const end = () => {
      answer();
      pairs.delete(client);
      if (port !== undefined) ports.delete(port);
      client.destroy();
      server.destroy();
    };
    server.setTimeout(pendingMs, end);
    server.once('connect', () => {
      port = server.localPort;
      if (port !== undefined) ports.add(port);
      server.write(requestHead(request));
      if (head.length > 0) server.write(head);
      client.pipe(server);
      server.pipe(client);
    });
    server.once('data', answer);
    for (const side of [client, server]) {
      side.on('error', end);
      side.once('close', end);
    }
  };

  return {
    onUpgrade,
    get size() {
      return pairs.size;
    },
    carries: (port) => ports.has(port),
    close() {
      closed = true;
      for (const client of leaving) client.destroy();
      for (const [client, server] of pairs) {
        client.destroy();
        server.destroy();
      }
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const refusal = (status: number, code: string, message: string): Refusal => ({ status, code, message });

function requestHead(request: IncomingMessage): string {
  const lines = [`GET / HTTP/1.1`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
