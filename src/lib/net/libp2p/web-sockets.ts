import type { CreateListenerOptions, Listener, MultiaddrConnection, Upgrader } from '@libp2p/interface';
import { webSockets } from '@libp2p/websockets';

/**
 * Where an HTTP server of this process hands over the WebSocket upgrades that it has checked, in place of a port of the
 * transport's own. `request` and `socket` are Node's; the other end is where `request.socket` says, whatever the socket is.
 */
export interface SocketSource {
  /** Undefined while the transport does not listen. */
  accept?: ((request: object, socket: EndingSocket, head: Uint8Array) => void) | undefined;
}

interface EndingSocket {
  once(event: 'close', listener: () => void): unknown;
}

/**
 * The WebSocket transport for those who listen. `@libp2p/websockets` 10.1 puts no `error` listener on the sockets it
 * accepts, so one malformed frame from a stranger would end the process as an unhandled event; `ws` closes such a socket
 * by itself. Guarded by "garbage on the port harms nobody" in tests/integration/relay.
 */
export function listeningWebSockets(socketSource?: SocketSource): ReturnType<typeof webSockets> {
  const create = webSockets();
  return (components) => {
    const transport = create(components);
    const createListener = transport.createListener.bind(transport);
    transport.createListener = (options: CreateListenerOptions) => {
      const listener = createListener({ ...options, upgrader: hearingErrors(options.upgrader) });
      return socketSource ? behind(socketSource, listener as LibraryListener) : listener;
    };
    return transport;
  };
}

/** What `@libp2p/websockets` 10.1 keeps in its listener, which it exports no type of. */
interface LibraryListener extends Listener {
  readonly server: { address: () => object };
  readonly sockets: Set<unknown>;
  onUpgrade(request: object, socket: object, head: Uint8Array): void;
}

/** The library's listener, which upgrades and ends what it is given, without its server ever listening. */
function behind(socketSource: SocketSource, listener: LibraryListener): Listener {
  const close = listener.close.bind(listener);
  // Asked for at each connection, only to see that the server runs.
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

/** Called in the same turn in which the socket is accepted, before anything of it has been read. */
function hearingErrors(upgrader: Upgrader): Upgrader {
  const hearing: Upgrader = Object.create(upgrader);
  hearing.upgradeInbound = (connection, options) => {
    socketOf(connection)?.addEventListener('error', () => undefined);
    return upgrader.upgradeInbound(connection, options);
  };
  return hearing;
}

const socketOf = (connection: MultiaddrConnection): EventTarget | undefined =>
  'websocket' in connection ? (connection.websocket as EventTarget) : undefined;
