import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A wire to the relay that can go dead without closing, as when a laptop sleeps. */
export async function wireTo(port: number) {
  const sockets = new Set<Socket>();
  let carried = 0;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    carried += 1;
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    near.pipe(far).pipe(near);
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
