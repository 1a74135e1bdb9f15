import type { CreateListenerOptions, Listener, MultiaddrConnection, Upgrader } from '@libp2p/interface';
import { webSockets } from '@libp2p/websockets';

/**
 * Lets an HTTP server of this process hand over WebSocket upgrades it has checked, instead of the transport opening its
 * own port. `request` and `socket` are Node's; the remote address is taken from `request.socket`, whatever `socket` is.
 */
export interface SocketSource {
  /** Undefined while the transport is not listening. */
  accept?: ((request: object, socket: EndingSocket, head: Uint8Array) => void) | undefined;
}

interface EndingSocket {
  once(event: 'close', listener: () => void): unknown;
}

/**
 * The WebSocket transport for listeners. `@libp2p/websockets` 10.1 attaches no `error` listener to accepted sockets, so
 * one malformed frame from a stranger would crash the process with an unhandled event; `ws` then closes the socket on
 * its own. Tested with garbage on the port in tests/integration/relay.
 */
export function listeningWebSockets(socketSource?: SocketSource): ReturnType<typeof webSockets> {
  const create = webSockets();
  return (components) => {
    const transport = create(components);
    const createListener = transport.createListener.bind(transport);
    transport.createListener = (options: CreateListenerOptions) => {
      const listener = createListener({ ...options, upgrader: withErrorListener(options.upgrader) });
      return socketSource ? behind(socketSource, listener as LibraryListener) : listener;
    };
    return transport;
  };
}

/** Internals of the listener in `@libp2p/websockets` 10.1, which exports no type for it. */
interface LibraryListener extends Listener {
  readonly server: { address: () => object };
  readonly sockets: Set<unknown>;
  onUpgrade(request: object, socket: object, head: Uint8Array): void;
}

/** Wraps the library's listener so that it upgrades and closes the given sockets while its own server never listens. */
function behind(socketSource: SocketSource, listener: LibraryListener): Listener {
  const close = listener.close.bind(listener);
  // Called for each connection, only to check that the server is running.
  listener.server.address = () => ({ address: '', port: 0, family: 'IPv4' });
  return Object.assign(listener, {
    async listen() {
      socketSource.accept = (request, socket, head) => {
        listener.sockets.add(socket);
        socket.once('close', () => listener.sockets.delete(socket));
        listener.onUpgrade(request, socket, head);
      };
      listener.dispatchEvent(new CustomEvent('listening'));
    },
    getAddrs: () => [],
    async close() {
      socketSource.accept = undefined;
      await close();
    },
  });
}

/** Runs in the turn in which the socket is accepted, before anything is read from it. */
function withErrorListener(upgrader: Upgrader): Upgrader {
  const wrapped: Upgrader = Object.create(upgrader);
  wrapped.upgradeInbound = (connection, options) => {
    socketOf(connection)?.addEventListener('error', () => undefined);
    return upgrader.upgradeInbound(connection, options);
  };
  return wrapped;
}

const socketOf = (connection: MultiaddrConnection): EventTarget | undefined =>
  'websocket' in connection ? (connection.websocket as EventTarget) : undefined;
