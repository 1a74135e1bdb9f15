import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Channel, ChannelHandler, Net } from '#lib/net/spec.ts';

/** Two started nets that can reach each other, and a third peer id that nobody holds. */
export interface NetSubject {
  readonly a: Net;
  readonly b: Net;
  readonly nobody: string;
  /** Makes `b` vanish as a crash does, or undefined where that cannot be done from here. */
  readonly crash?: (() => Promise<void>) | undefined;
  teardown(): Promise<void>;
}

const echoProtocol = '/tabloom/test-echo/1';
const topic = 'tabloom/offers/1';

/** What every {@link Net} does; run on each implementation. */
export function netCompliance(name: string, setup: () => Promise<NetSubject>): void {
  describe(`net: ${name}`, () => {
    let subject: NetSubject;
    const ended: (() => void)[] = [];
    const serve = (protocol: string, handler: ChannelHandler) => {
      const end = subject.b.handle(protocol, handler);
      ended.push(end);
    };
    const open = (protocol: string) =>
      subject.a.open(subject.b.self, protocol, { addrs: subject.b.addresses(), signal: AbortSignal.timeout(10_000) });

    beforeAll(async () => {
      subject = await setup();
      serve(echoProtocol, async (channel) => {
        for await (const message of channel) await channel.send(message);
      });
    });
    afterAll(async () => {
      for (const end of ended) end();
      await subject.teardown();
    });

    test('messages arrive whole and in order, and the end arrives as an end', async () => {
      const channel = await open(echoProtocol);
      expect(channel.remote).toBe(subject.b.self);
      expect(['direct', 'relayed']).toContain(channel.path);
      const sent = Array.from({ length: 50 }, (_, i) => new Uint8Array(i + 1).fill(i));
      for (const message of sent) await channel.send(message);
      await channel.close();
      expect(await readAll(channel)).toEqual(sent);
      await gone(channel);
    });

    test('a message at the limit passes; a larger or an empty one is refused and harms nothing', async () => {
      const channel = await open(echoProtocol);
      const largest = new Uint8Array(limits.frameBytesMax).fill(42);
      await expect(channel.send(new Uint8Array(limits.frameBytesMax + 1))).rejects.toMatchObject({
        code: 'frame-too-large',
      });
      await expect(channel.send(new Uint8Array(0))).rejects.toMatchObject({ code: 'bad-frame' });
      await channel.send(largest);
      await channel.close();
      expect(await readAll(channel)).toEqual([largest]);
    });

    test('closing is idempotent, half, and nothing can be sent after it', async () => {
      const heard = Promise.withResolvers<number>();
      serve('/tabloom/test-half/1', async (channel) => {
        let count = 0;
        for await (const _ of channel) count++;
        heard.resolve(count);
        await channel.send(bytes('after your end'));
      });
      const channel = await open('/tabloom/test-half/1');
      await channel.send(bytes('one'));
      await Promise.all([channel.close(), channel.close()]);
      await expect(channel.send(bytes('two'))).rejects.toMatchObject({ code: 'channel-lost' });
      expect(await heard.promise).toBe(1);
      expect(await readAll(channel)).toEqual([bytes('after your end')]);
    });

    test('an abort by the opener is a loss on the other side', async () => {
      const outcome = Promise.withResolvers<unknown>();
      serve('/tabloom/test-abort/1', async (channel) => {
        await readAll(channel).then(
          () => outcome.resolve('ended'),
          (error: unknown) => outcome.resolve(error),
        );
        expect(channel.closed.aborted).toBe(true);
      });
      const channel = await open('/tabloom/test-abort/1');
      await channel.send(bytes('one'));
      channel.abort(new TabloomError('test', 'enough'));
      channel.abort(new TabloomError('test', 'again'));
      expect(channel.closed.aborted).toBe(true);
      expect(await outcome.promise).toMatchObject({ code: 'channel-lost' });
      await expect(readAll(channel)).rejects.toMatchObject({ code: 'test' });
      await expect(channel.send(bytes('two'))).rejects.toThrow();
    });

    test('a handler that throws is a loss for the opener, after what it had sent', async () => {
      serve('/tabloom/test-throw/1', async (channel) => {
        await channel.send(bytes('before'));
        await first(channel);
        throw new Error('the handler failed');
      });
      const channel = await open('/tabloom/test-throw/1');
      expect(await first(channel)).toEqual(bytes('before'));
      await channel.send(bytes('go on'));
      await expect(readAll(channel)).rejects.toMatchObject({ code: 'channel-lost' });
      await gone(channel);
    });

    test('a reader may leave its loop and come back', async () => {
      const channel = await open(echoProtocol);
      await channel.send(bytes('one'));
      await channel.send(bytes('two'));
      expect(await first(channel)).toEqual(bytes('one'));
      await channel.close();
      expect(await readAll(channel)).toEqual([bytes('two')]);
    });

    test('a reader that does not read stops the writer before memory fills', async () => {
      const done = Promise.withResolvers<void>();
      serve('/tabloom/test-slow/1', () => done.promise);
      const channel = await open('/tabloom/test-slow/1');
      const chunk = new Uint8Array(64 * 1024).fill(1);
      const stopped = new AbortController();
      let sentChunks = 0;
      const flood = (async () => {
        for (; sentChunks < 64; sentChunks++) await channel.send(chunk, { signal: stopped.signal });
        return 'all';
      })().catch((error: unknown) => (error as TabloomError).code);
      await quiet(() => sentChunks);
      stopped.abort();
      expect(await flood).toBe('aborted');
      expect(sentChunks * chunk.length).toBeLessThanOrEqual(2 * limits.frameBytesMax);
      channel.abort(new TabloomError('test', 'done'));
      done.resolve();
    });

    test('a reader that comes late gets everything', async () => {
      const start = Promise.withResolvers<void>();
      const total = Promise.withResolvers<number>();
      serve('/tabloom/test-late/1', async (channel) => {
        await start.promise;
        let sum = 0;
        for await (const message of channel) sum += message.length;
        total.resolve(sum);
      });
      const channel = await open('/tabloom/test-late/1');
      const chunk = new Uint8Array(64 * 1024).fill(1);
      const sending = (async () => {
        for (let i = 0; i < 24; i++) await channel.send(chunk);
        await channel.close();
      })();
      start.resolve();
      await sending;
      expect(await total.promise).toBe(24 * chunk.length);
    });

    test('channels do not mix', async () => {
      const channels = await Promise.all(Array.from({ length: 8 }, () => open(echoProtocol)));
      const read = await Promise.all(
        channels.map(async (channel, i) => {
          await channel.send(Uint8Array.of(i));
          await channel.close();
          return readAll(channel);
        }),
      );
      expect(read).toEqual(channels.map((_, i) => [Uint8Array.of(i)]));
    });

    test('the loopback is a channel like any other', async () => {
      ended.push(
        subject.a.handle('/tabloom/test-self/1', async (channel) => {
          for await (const message of channel) await channel.send(message);
        }),
      );
      const channel = await subject.a.open(subject.a.self, '/tabloom/test-self/1');
      expect(channel).toMatchObject({ path: 'loopback', remote: subject.a.self });
      await channel.send(bytes('me'));
      await channel.close();
      expect(await readAll(channel)).toEqual([bytes('me')]);
      await expect(subject.a.open(subject.a.self, '/tabloom/none/1')).rejects.toMatchObject({
        code: 'peer-unreachable',
      });
    });

    test('nobody, and a protocol nobody serves, are unreachable', async () => {
      await expect(
        subject.a.open(subject.nobody, echoProtocol, { signal: AbortSignal.timeout(15_000) }),
      ).rejects.toMatchObject({ code: 'peer-unreachable' });
      await expect(open('/tabloom/none/1')).rejects.toMatchObject({ code: 'peer-unreachable' });
      await expect(subject.a.ping(subject.nobody)).rejects.toMatchObject({ code: 'peer-unreachable' });
    });

    test('an aborted signal stops an opening and a sending', async () => {
      await expect(subject.a.open(subject.b.self, echoProtocol, { signal: AbortSignal.abort() })).rejects.toMatchObject(
        { code: 'aborted' },
      );
      const channel = await open(echoProtocol);
      await expect(channel.send(bytes('x'), { signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: 'aborted',
      });
      await channel.send(bytes('y'));
      await channel.close();
      expect(await readAll(channel)).toEqual([bytes('y')]);
    });

    test('an ended service is not served any more', async () => {
      const end = subject.b.handle('/tabloom/test-ended/1', async () => undefined);
      await open('/tabloom/test-ended/1');
      end();
      await expect(open('/tabloom/test-ended/1')).rejects.toMatchObject({ code: 'peer-unreachable' });
    });

    test('ping measures a round trip', async () => {
      const channel = await open(echoProtocol);
      const roundTripMs = await subject.a.ping(subject.b.self);
      expect(roundTripMs).toBeGreaterThanOrEqual(0);
      expect(roundTripMs).toBeLessThan(5_000);
      await channel.close();
    });

    test('the status tells the connection truthfully', async () => {
      const channel = await open(echoProtocol);
      const seen = subject.a.status().connections.filter((connection) => connection.peer === subject.b.self);
      expect(seen.map((connection) => connection.path)).toContain(channel.path);
      expect(subject.a.status().state).toBe('online');
      await channel.close();
    });

    test('a published message is validated, then delivered, and the end of a subscription is its end', async () => {
      const heard: string[] = [];
      const judged: string[] = [];
      let arrived = Promise.withResolvers<void>();
      const end = subject.b.subscribe(topic, {
        validate: (message, from) => {
          const word = text(message);
          judged.push(`${word} of ${from}`);
          if (word !== 'good') arrived.resolve();
          return word === 'good' ? 'accept' : word === 'bad' ? 'reject' : 'ignore';
        },
        deliver: (message, from) => {
          heard.push(`${text(message)} of ${from}`);
          arrived.resolve();
        },
      });
      for (const word of ['other', 'bad', 'good']) {
        arrived = Promise.withResolvers();
        await publishUntil(subject.a, bytes(word), arrived.promise);
      }
      expect([...new Set(judged)]).toEqual(['other', 'bad', 'good'].map((word) => `${word} of ${subject.a.self}`));
      expect([...new Set(heard)]).toEqual([`good of ${subject.a.self}`]);
      end();
      await expect(subject.a.publish(topic, new Uint8Array(limits.gossipBytesMax + 1))).rejects.toMatchObject({
        code: 'frame-too-large',
      });
    });

    test('a crash is a loss at once, and a stopped net is offline', async () => {
      serve('/tabloom/test-crash/1', (channel) => readAll(channel).then(() => undefined));
      const channel = await open('/tabloom/test-crash/1');
      await channel.send(bytes('one'));
      const loss = readAll(channel);
      await Promise.all([
        expect(loss).rejects.toMatchObject({ code: 'channel-lost' }),
        subject.crash ? subject.crash() : subject.b.stop(),
      ]);
      await gone(channel);
      await subject.a.stop();
      await subject.a.stop();
      expect(subject.a.status().state).toBe('stopped');
      await expect(subject.a.open(subject.b.self, echoProtocol)).rejects.toMatchObject({ code: 'net-offline' });
      await expect(subject.a.publish(topic, bytes('x'))).rejects.toMatchObject({ code: 'net-offline' });
    });
  });
}

const bytes = (word: string) => new TextEncoder().encode(word);
const text = (message: Uint8Array) => new TextDecoder().decode(message);

async function readAll(channel: Channel): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for await (const message of channel) messages.push(message);
  return messages;
}

async function first(channel: Channel): Promise<Uint8Array | undefined> {
  for await (const message of channel) return message;
  return undefined;
}

/** Resolves when the channel has gone. */
const gone = (channel: Channel): Promise<void> =>
  new Promise((resolve) => {
    if (channel.closed.aborted) resolve();
    else channel.closed.addEventListener('abort', () => resolve(), { once: true });
  });

/** Publishes again until it is heard: a subscription needs a moment to be known. */
async function publishUntil(net: Net, message: Uint8Array, heard: Promise<void>): Promise<void> {
  let waiting = true;
  const done = heard.then(() => {
    waiting = false;
  });
  while (waiting) {
    await net.publish(topic, message);
    await Promise.race([
      done,
      new Promise((resolve) => {
        setTimeout(resolve, 300);
      }),
    ]);
  }
}

/** Resolves when a count has stood still for a while. */
async function quiet(count: () => number): Promise<void> {
  for (let last = -1; last !== count();) {
    last = count();
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
  }
}
