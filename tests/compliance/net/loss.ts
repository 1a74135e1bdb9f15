import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { bytes, first, gone, readAll, type Ground } from './ground.ts';

/** What each side sees when the other aborts. */
export function losses(ground: Ground): void {
  test('an abort by the opener is channel-lost on the other side', async () => {
    const outcome = Promise.withResolvers<unknown>();
    ground.serve('/tabloom/test-abort/1', async (channel) => {
      await readAll(channel).then(
        () => outcome.resolve('ended'),
        (error: unknown) => outcome.resolve(error),
      );
      expect(channel.closed.aborted).toBe(true);
    });
    const channel = await ground.open('/tabloom/test-abort/1');
    await channel.send(bytes('one'));
    channel.abort(new TabloomError('test', 'enough'));
    channel.abort(new TabloomError('test', 'again'));
    expect(channel.closed.aborted).toBe(true);
    expect(await outcome.promise).toMatchObject({ code: 'channel-lost' });
    await expect(readAll(channel)).rejects.toMatchObject({ code: 'test' });
    await expect(channel.send(bytes('two'))).rejects.toThrow();
  });

  test('a throwing handler is channel-lost for the opener, after the messages it sent', async () => {
    ground.serve('/tabloom/test-throw/1', async (channel) => {
      await channel.send(bytes('before'));
      await first(channel);
      throw new Error('the handler failed');
    });
    const channel = await ground.open('/tabloom/test-throw/1');
    expect(await first(channel)).toEqual(bytes('before'));
    await channel.send(bytes('go on'));
    await expect(readAll(channel)).rejects.toMatchObject({ code: 'channel-lost' });
    await gone(channel);
  });
}
