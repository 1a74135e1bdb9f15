import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { bytes, publishUntil, text, topic, type Ground } from './ground.ts';

/** Publishing and subscribing. */
export function gossip(ground: Ground): void {
  test('a published message is validated, then delivered, until the subscription ends', async () => {
    const heard: string[] = [];
    const judged: string[] = [];
    const passages: boolean[] = [];
    let arrived = Promise.withResolvers<void>();
    const end = ground.b.subscribe(topic, {
      validate: (message, from, { source, connected }) => {
        const word = text(message);
        judged.push(`${word} of ${from}`);
        // The subject's peers are neighbours, or share a relay.
        passages.push(source === from ? connected : source !== ground.nobody);
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
      await publishUntil(ground.a, bytes(word), arrived.promise);
    }
    expect([...new Set(judged)]).toEqual(['other', 'bad', 'good'].map((word) => `${word} of ${ground.a.self}`));
    expect(passages).not.toContain(false);
    expect([...new Set(heard)]).toEqual([`good of ${ground.a.self}`]);
    end();
    await expect(ground.a.publish(topic, new Uint8Array(limits.gossipBytesMax + 1))).rejects.toMatchObject({
      code: 'frame-too-large',
    });
  });
}
