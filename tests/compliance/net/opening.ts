import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { bytes, echoProtocol, gone, readAll, type Ground } from './ground.ts';

/** Opening channels and the possible outcomes. */
export function openings(ground: Ground): void {
  test('loopback is a channel like any other', async () => {
    ground.serve(
      '/tabloom/test-self/1',
      async (channel) => {
        for await (const message of channel) await channel.send(message);
      },
      ground.a,
    );
    const channel = await ground.a.open(ground.a.self, '/tabloom/test-self/1');
    expect(channel).toMatchObject({ path: 'loopback', remote: ground.a.self });
    await channel.send(bytes('me'));
    await channel.close();
    expect(await readAll(channel)).toEqual([bytes('me')]);
    await expect(ground.a.open(ground.a.self, '/tabloom/none/1')).rejects.toMatchObject({
      code: 'protocol-unknown',
    });
  });

  test('an unknown peer is unreachable, and an unserved protocol unknown', async () => {
    await expect(
      ground.a.open(ground.nobody, echoProtocol, { signal: AbortSignal.timeout(90_000) }),
    ).rejects.toMatchObject({ code: 'peer-unreachable' });
    await expect(ground.open('/tabloom/none/1')).rejects.toMatchObject({ code: 'protocol-unknown' });
    await expect(ground.a.ping(ground.nobody)).rejects.toMatchObject({ code: 'peer-unreachable' });
  });

  test('an open aborted while dialling ends at once, and the next one succeeds', async () => {
    const stop = new AbortController();
    const opening = ground.a.open(ground.b.self, echoProtocol, {
      addrs: ground.b.addresses(),
      signal: stop.signal,
    });
    stop.abort(new TabloomError('test', 'changed my mind'));
    await expect(opening).rejects.toMatchObject({ code: 'test' });
    const channel = await ground.open(echoProtocol);
    await channel.send(bytes('x'));
    await channel.close();
    expect(await readAll(channel)).toEqual([bytes('x')]);
  });

  test('a prepared channel works like any other, repeatedly', async () => {
    await ground.a.prepare(ground.a.self, echoProtocol);
    await ground.a.prepare(ground.b.self, echoProtocol, { signal: AbortSignal.abort() });
    await ground.a.prepare(ground.b.self, '/tabloom/none/1', { addrs: ground.b.addresses() });
    await ground.a.prepare(ground.b.self, echoProtocol, { addrs: ground.b.addresses() });
    for (const word of ['one', 'two']) {
      const channel = await ground.open(echoProtocol);
      expect(channel).toMatchObject({ remote: ground.b.self, path: ground.path });
      await channel.send(bytes(word));
      await channel.close();
      expect(await readAll(channel)).toEqual([bytes(word)]);
      await gone(channel);
    }
    await expect(ground.open('/tabloom/none/1')).rejects.toMatchObject({ code: 'protocol-unknown' });
  });

  test('an aborted signal stops open and send', async () => {
    await expect(ground.a.open(ground.b.self, echoProtocol, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    const channel = await ground.open(echoProtocol);
    await expect(channel.send(bytes('x'), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    await channel.send(bytes('y'));
    await channel.close();
    expect(await readAll(channel)).toEqual([bytes('y')]);
  });

  test('a removed handler is no longer served', async () => {
    const end = ground.b.handle('/tabloom/test-ended/1', async () => undefined);
    await ground.open('/tabloom/test-ended/1');
    end();
    await expect(ground.open('/tabloom/test-ended/1')).rejects.toMatchObject({ code: 'protocol-unknown' });
  });

  test('channels are independent', async () => {
    const channels = await Promise.all(Array.from({ length: 8 }, () => ground.open(echoProtocol)));
    const read = await Promise.all(
      channels.map(async (channel, i) => {
        await channel.send(Uint8Array.of(i));
        await channel.close();
        return readAll(channel);
      }),
    );
    expect(read).toEqual(channels.map((_, i) => [Uint8Array.of(i)]));
  });

  test('ping measures a round trip', async () => {
    const channel = await ground.open(echoProtocol);
    const roundTripMs = await ground.a.ping(ground.b.self);
    expect(roundTripMs).toBeGreaterThanOrEqual(0);
    await channel.close();
  });

  test('the status reports the connection', async () => {
    const channel = await ground.open(echoProtocol);
    const seen = ground.a.status().connections.filter((connection) => connection.peer === ground.b.self);
    expect(channel.path).toBe(ground.path);
    expect(seen.map((connection) => connection.path)).toContain(ground.path);
    expect(ground.a.status().state).toBe('online');
    await channel.close();
  });
}
