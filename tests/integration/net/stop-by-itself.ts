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
const satOutMs = watchTimeouts();
await Promise.all([a.stop(), b.stop(), relay.stop()]);
process.send?.({ path: channel.path, satOutMs });
process.exit(0);

/** Timers of a second and more that are set from now on and run out, of ours and of every library. */
function watchTimeouts(): readonly number[] {
  const ranOutMs: number[] = [];
  const note = (ms: number) => {
    if (ms >= 1_000) ranOutMs.push(ms);
  };
  const { setTimeout } = globalThis;
  const watched = (run: () => void, ms = 0) =>
    setTimeout(() => {
      note(ms);
      run();
    }, ms);
  globalThis.setTimeout = Object.assign(watched, setTimeout);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (ms) => {
    const signal = timeout(ms);
    signal.addEventListener('abort', () => note(ms));
    return signal;
  };
  return ranOutMs;
}
