import { netAt, reserved } from './ground.ts';

/** Run as a process of its own, to be killed: a peer that sends without end. The relay's address is its argument. */
const net = netAt([process.argv[2]!], 6_002);
net.handle('/tabloom/test-drip/1', async (channel) => {
  for (;;) await channel.send(new Uint8Array(100));
});
await net.start();
await reserved(net);
process.send?.({ peer: net.self, addrs: net.addresses() });
