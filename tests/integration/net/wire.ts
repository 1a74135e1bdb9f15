import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface WireOptions {
  /** The address of this machine that it comes from. */
  readonly from?: string;
  /** What it writes into the first request, as a proxy does. */
  readonly forwarded?: string;
}

/** A wire to the relay that can go dead without closing, as when a laptop sleeps. */
export async function wireTo(port: number, { from, forwarded }: WireOptions = {}) {
  const sockets = new Set<Socket>();
  let carried = 0;
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1', ...(from === undefined ? {} : { localAddress: from }) });
    carried += 1;
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    if (forwarded === undefined) near.pipe(far);
    else
      near.once('data', (head: Buffer) => {
        far.write(head.toString('latin1').replace('\r\n', `\r\nX-Forwarded-For: ${forwarded}\r\n`), 'latin1');
        near.pipe(far);
      });
    far.pipe(near);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    /** How many connections have ever been made. */
    get carried() {
      return carried;
    },
    /** Nothing passes any more, and nobody is told. */
    goDead() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    /** Ends what is open; the next one may come. */
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
