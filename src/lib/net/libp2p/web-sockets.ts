import type { CreateListenerOptions, MultiaddrConnection, Upgrader } from '@libp2p/interface';
import { webSockets } from '@libp2p/websockets';

/**
 * The WebSocket transport for those who listen. `@libp2p/websockets` 10.1 puts no `error` listener on the sockets it
 * accepts, so one malformed frame from a stranger would end the process as an unhandled event; `ws` closes such a socket
 * by itself. Guarded by "garbage on the port harms nobody" in tests/integration/relay.
 */
export function listeningWebSockets(): ReturnType<typeof webSockets> {
  const create = webSockets();
  return (components) => {
    const transport = create(components);
    const createListener = transport.createListener.bind(transport);
    transport.createListener = (options: CreateListenerOptions) =>
      createListener({ ...options, upgrader: hearingErrors(options.upgrader) });
    return transport;
  };
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
