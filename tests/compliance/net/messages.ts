import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { bytes, echoProtocol, first, gone, quiet, readAll, type Ground } from './ground.ts';

/** Channels deliver whole messages, in order, with an end and with backpressure. */
export function messages(ground: Ground): void {
  test('messages arrive whole and in order, followed by the end', async () => {
    const channel = await ground.open(echoProtocol);
    expect(channel.remote).toBe(ground.b.self);
    expect(channel.path).toBe(ground.path);
    const sent = Array.from({ length: 50 }, (_, i) => new Uint8Array(i + 1).fill(i));
    for (const message of sent) await channel.send(message);
    await channel.close();
    expect(await readAll(channel)).toEqual(sent);
    await gone(channel);
  });

  test('a message at the limit passes; a larger or an empty one is refused without side effects', async () => {
    const channel = await ground.open(echoProtocol);
    const largest = new Uint8Array(limits.frameBytesMax).fill(42);
    await expect(channel.send(new Uint8Array(limits.frameBytesMax + 1))).rejects.toMatchObject({
      code: 'frame-too-large',
    });
    await expect(channel.send(new Uint8Array(0))).rejects.toMatchObject({ code: 'bad-frame' });
    await channel.send(largest);
    await channel.close();
    expect(await readAll(channel)).toEqual([largest]);
  });

  test('closing is idempotent and half-close, and nothing can be sent afterwards', async () => {
    const heard = Promise.withResolvers<number>();
    ground.serve('/tabloom/test-half/1', async (channel) => {
      let count = 0;
      for await (const _ of channel) count++;
      heard.resolve(count);
      await channel.send(bytes('after your end'));
    });
    const channel = await ground.open('/tabloom/test-half/1');
    await channel.send(bytes('one'));
    await Promise.all([channel.close(), channel.close()]);
    await expect(channel.send(bytes('two'))).rejects.toMatchObject({ code: 'channel-lost' });
    expect(await heard.promise).toBe(1);
    expect(await readAll(channel)).toEqual([bytes('after your end')]);
  });

  test('a reader may leave its loop and come back', async () => {
    const channel = await ground.open(echoProtocol);
    await channel.send(bytes('one'));
    await channel.send(bytes('two'));
    expect(await first(channel)).toEqual(bytes('one'));
    await channel.close();
    expect(await readAll(channel)).toEqual([bytes('two')]);
  });

  test('a stalled reader stops the writer before memory fills up', async () => {
    const done = Promise.withResolvers<void>();
    ground.serve('/tabloom/test-slow/1', () => done.promise);
    const channel = await ground.open('/tabloom/test-slow/1');
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

  test('a late reader gets everything', async () => {
    const start = Promise.withResolvers<void>();
    const total = Promise.withResolvers<number>();
    ground.serve('/tabloom/test-late/1', async (channel) => {
      await start.promise;
      let sum = 0;
      for await (const message of channel) sum += message.length;
      total.resolve(sum);
    });
    const channel = await ground.open('/tabloom/test-late/1');
    const chunk = new Uint8Array(64 * 1024).fill(1);
    const sending = (async () => {
      for (let i = 0; i < 24; i++) await channel.send(chunk);
      await channel.close();
    })();
    start.resolve();
    await sending;
    expect(await total.promise).toBe(24 * chunk.length);
  });
}
