import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { decodeWorkerFrame, encodeAskerFrame, jobProtocol } from '#lib/protocol/frame.ts';
import { limits } from '#lib/protocol/limits.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import { chat, eventually, forgets, knows, model, run, startPeer, startRelay, type Relay } from './ground.ts';

const job = (id: number, worker: Peer) => ({
  id: id.toString(16).padStart(32, '0'),
  artefact: worker.provider.state.models[0]!.artefact,
  model: 'x',
  kind: 'completion' as const,
  input: { prompt: `prompt ${id}` },
  params: { maxTokens: 2_000, temperature: 0 },
  tier: 'open' as const,
  deadlineMs: 60_000,
  salt: '0'.repeat(32),
});

const withdrawAll = ({ provider }: Peer) => {
  for (const { artefact } of provider.state.models) provider.withdrawModel(artefact);
};

/** This model and no other. */
const serve = (worker: Peer, loaded: LoadedModel) => {
  withdrawAll(worker);
  worker.provider.offerModel(loaded);
};

describe('peers over a real relay', () => {
  let relay: Relay;
  let worker: Peer;
  let asker: Peer;
  let children: ChildProcess[] = [];

  beforeAll(async () => {
    relay = await startRelay(101);
    worker = await startPeer(102, relay.address);
    asker = await startPeer(103, relay.address);
    await eventually(() => [worker, asker].every(({ net }) => net.status().state === 'online'));
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([worker, asker].map((peer) => peer.stop()));
    await relay.peer.stop();
  });

  test('a worker stands in the directories as soon as it is ready', async () => {
    // Who had nothing to offer has no heartbeat yet: being known at all comes of the change being announced.
    serve(worker, await model({ answerTokens: 60 }));
    await Promise.all([knows(relay.peer, worker.self), knows(asker, worker.self)]);
  });

  test('an answer streams, checked and signed by both, to a peer and to the relay itself', async () => {
    for (const peer of [asker, relay.peer]) {
      const state = await run(peer.consumer, chat('hello'));
      expect(state).toMatchObject({
        phase: 'finished',
        tokens: 60,
        worker: { peer: worker.self },
        attempts: [
          {
            settlement: {
              receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true },
            },
          },
        ],
      });
      expect(['direct', 'relayed']).toContain(state.path);
      if (peer === relay.peer) expect(state.path).toBe('direct');
    }
    let kept = 0;
    const count = async () => {
      kept = (await worker.receipts.list('worker', 10)).length;
    };
    await eventually(() => (void count(), kept === 2));
  });

  test('a peer answers itself over its own loopback', async () => {
    const state = await run(worker.consumer, chat('hello', { only: [worker.self] }));
    expect(state).toMatchObject({ phase: 'finished', path: 'loopback', worker: { self: true } });
  });

  test('stopping stops the engine', async () => {
    serve(worker, await model({ answerTokens: 2_000 }));
    const stop = new AbortController();
    const state = await run(asker.consumer, chat('stop me'), {
      signal: stop.signal,
      onEvent: (_event, { tokens }) => {
        if (tokens >= 10) stop.abort();
      },
    });
    expect(state).toMatchObject({
      phase: 'cancelled',
      attempts: [{ settlement: { receiptCheck: { output: true, counts: true } } }],
    });
    expect(worker.provider.state.running).toBe(0);
  });

  test('a job id seen again, twice at once, is run once', async () => {
    serve(worker, await model({ answerTokens: 40 }));
    const done = worker.provider.state.jobsDone;
    const request = chat('twice', { id: 'cd'.repeat(16) });
    const states = await Promise.all([run(asker.consumer, request), run(asker.consumer, request)]);
    expect(states.map(({ phase }) => phase)).toEqual(['finished', 'finished']);
    expect(states[0]!.text).toBe(states[1]!.text);
    expect(worker.provider.state.jobsDone).toBe(done + 1);
  });

  test('hostile streams and records harm nobody', async () => {
    serve(worker, await model({ answerTokens: 100 }));
    const hostile = await startPeer(104, relay.address);
    try {
      await knows(hostile, worker.self);
      const good = run(asker.consumer, chat('undisturbed'));
      const attacks = Array.from({ length: 30 }, async (_, i) => {
        const channel = await hostile.net.open(worker.self, jobProtocol, { signal: AbortSignal.timeout(5_000) });
        if (i % 3 === 0) await channel.send(new Uint8Array(1_000).fill(0x9f));
        else if (i % 3 === 1) await channel.send(new Uint8Array(limits.frameBytesMax).fill(i));
        else channel.abort(new Error('never mind'));
        for await (const _ of channel) void _;
      });
      await Promise.allSettled(attacks);
      await hostile.net.publish(offersTopic, new Uint8Array(500).fill(3)).catch(() => undefined);
      expect(await good).toMatchObject({ phase: 'finished', tokens: 100 });
      expect(worker.provider.state.running).toBe(0);
      expect(relay.peer.directory.get(hostile.self)).toBeUndefined();
    } finally {
      await hostile.stop();
    }
  });

  test('a full queue says busy, in order', async () => {
    serve(worker, await model({ answerTokens: 2_000 }));
    const frames: unknown[] = [];
    const channels = [];
    for (let i = 0; i < limits.jobsPerPeerMax + 1; i++) {
      const channel = await asker.net.open(worker.self, jobProtocol);
      channels.push(channel);
      await channel.send(encodeAskerFrame({ t: 'open', job: job(1_000 + i, worker) }));
      const first = await channel[Symbol.asyncIterator]().next();
      frames.push(decodeWorkerFrame(first.value!));
    }
    expect(frames).toMatchObject([
      { t: 'accepted', position: 0 },
      { t: 'accepted', position: 1 },
      { t: 'accepted', position: 2 },
      { t: 'accepted', position: 3 },
      { t: 'refused', code: 'busy' },
    ]);
    for (const channel of channels) channel.abort(new Error('enough'));
    await eventually(() => worker.provider.state.running + worker.provider.state.queued === 0);
  });

  test('an asker that stops reading stops the engine', async () => {
    const long = Array.from({ length: 4_000 }, (_, i) => `${i}${'x'.repeat(1_000)}`).join(' ');
    serve(worker, await model({ text: () => long }, 0));
    const channel = await asker.net.open(worker.self, jobProtocol);
    await channel.send(encodeAskerFrame({ t: 'open', job: { ...job(2_000, worker), params: { maxTokens: 4_000 } } }));
    let before = -1;
    // It stands still once transport and buffer are full.
    await eventually(() => worker.provider.state.tokensOut > 100);
    for (let same = 0; same < 5;) {
      const now = worker.provider.state.tokensOut;
      same = now === before ? same + 1 : 0;
      before = now;
      await systemClock.delay(100);
    }
    expect(worker.provider.state).toMatchObject({ running: 1, jobsFailed: 0 });
    channel.abort(new Error('enough'));
    await eventually(() => worker.provider.state.running === 0);
  });

  test('a worker that is killed in the middle is told at once, and leaves the directory', async () => {
    withdrawAll(worker);
    await forgets(asker, worker.self);
    const child = fork(fileURLToPath(new URL('worker.process.ts', import.meta.url)), ['105', relay.address(), '200'], {
      execArgv: [],
    });
    children = [...children, child];
    const self = await new Promise<string>((resolve) =>
      child.once('message', (message) => resolve((message as { peer: string }).peer)),
    );
    await knows(asker, self);
    const state = await run(asker.consumer, chat('kill the worker'), {
      onEvent: (_event, { tokens }) => {
        if (tokens >= 20) child.kill('SIGKILL');
      },
    });
    expect(state).toMatchObject({
      phase: 'failed',
      error: { code: 'peer-lost' },
      attempts: [{ worker: { peer: self } }],
    });
    expect(state.text.length).toBeGreaterThan(0);
    expect(state.attempts).toHaveLength(1);
    // Told by what ended, not by the silence that followed.
    expect(['channel-lost', 'left']).toContain(state.error?.details?.['reason']);
    await forgets(relay.peer, self);
    await forgets(asker, self);
  });

  test('a goodbye is heard, and takes a worker out whose offer still lives', async () => {
    serve(worker, await model());
    await knows(asker, worker.self);
    const offer = asker.directory.get(worker.self)!;
    worker.announceOffline();
    await Promise.all([forgets(relay.peer, worker.self), forgets(asker, worker.self)]);
    expect(systemClock.now()).toBeLessThan(offer.expiresAt);
    worker.announceOnline();
    await knows(asker, worker.self);
  });

  test('after a relay comes back, its directory fills again by itself', async () => {
    const port = Number(/tcp\/(\d+)/.exec(relay.address())![1]);
    await relay.peer.stop();
    relay = await startRelay(101, { port });
    await knows(relay.peer, worker.self);
    expect(await run(relay.peer.consumer, chat('again', { params: { maxTokens: 10 } }))).toMatchObject({
      phase: 'finished',
    });
  });
});
