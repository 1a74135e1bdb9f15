import { afterAll, beforeAll, describe } from 'vitest';
import type { ChannelHandler, Net } from '#lib/net/spec.ts';
import { endings } from './net/ending.ts';
import { gossip } from './net/gossip.ts';
import { echoProtocol, type Ground, type NetSubject } from './net/ground.ts';
import { losses } from './net/loss.ts';
import { messages } from './net/messages.ts';
import { openings } from './net/opening.ts';

/** The contract of {@link Net}, run on each implementation. */
export function netCompliance(name: string, setup: () => Promise<NetSubject>): void {
  describe(`net: ${name}`, () => {
    const ended: (() => void)[] = [];
    const ground = {} as Ground;

    beforeAll(async () => {
      const subject = await setup();
      Object.assign(ground, subject, {
        serve: (protocol: string, handler: ChannelHandler, by: Net = subject.b) =>
          void ended.push(by.handle(protocol, handler)),
        open: (protocol: string) =>
          subject.a.open(subject.b.self, protocol, {
            addrs: subject.b.addresses(),
            signal: AbortSignal.timeout(90_000),
          }),
      });
      ground.serve(echoProtocol, async (channel) => {
        for await (const message of channel) await channel.send(message);
      });
    });
    afterAll(async () => {
      for (const end of ended) end();
      await ground.teardown();
    });

    openings(ground);
    messages(ground);
    losses(ground);
    gossip(ground);
    endings(ground);
  });
}
