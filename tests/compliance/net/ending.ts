import { expect, test } from 'vitest';
import { bytes, echoProtocol, gone, readAll, topic, type Ground } from './ground.ts';

/** Stopping a net; must run last, since the subject is unusable afterwards. */
export function endings(ground: Ground): void {
  test('a crash loses channels at once, and a stopped net is offline', async () => {
    ground.serve('/tabloom/test-crash/1', (channel) => readAll(channel).then(() => undefined));
    const channel = await ground.open('/tabloom/test-crash/1');
    await channel.send(bytes('one'));
    const loss = readAll(channel);
    await Promise.all([
      expect(loss).rejects.toMatchObject({ code: 'channel-lost' }),
      ground.crash ? ground.crash() : ground.b.stop(),
    ]);
    await gone(channel);
    await ground.a.stop();
    await ground.a.stop();
    expect(ground.a.status().state).toBe('stopped');
    await expect(ground.a.open(ground.b.self, echoProtocol)).rejects.toMatchObject({ code: 'net-offline' });
    await expect(ground.a.publish(topic, bytes('x'))).rejects.toMatchObject({ code: 'net-offline' });
  });
}
