import { netAt, relayOn, reserved } from './ground.ts';

/** Run as a process of its own: a relay and two peers with a WebRTC channel between them, stopped in one go. */
const relay = relayOn(4_000);
await relay.start();
const [a, b] = [netAt(relay, 4_001), netAt(relay, 4_002)];
await Promise.all([a.start(), b.start()]);
await Promise.all([reserved(a), reserved(b)]);
b.handle('/tabloom/test-drip/1', async (channel) => {
  for (;;) await channel.send(new Uint8Array(1_000));
});
const channel = await a.open(b.self, '/tabloom/test-drip/1', { addrs: b.addresses() });
for await (const _ of channel) break;
const startMs = performance.now();
await Promise.all([a.stop(), b.stop(), relay.stop()]);
process.send?.({ path: channel.path, stopMs: performance.now() - startMs });
process.exit(0);
