import type { Channel, ChannelHandler, ChannelPath, Net } from '#lib/net/spec.ts';

/** Two started nets that can reach each other, and a third peer id that nobody holds. */
export interface NetSubject {
  readonly a: Net;
  readonly b: Net;
  readonly nobody: string;
  /** Of the channels that `a` opens to `b`: a suite that is about one way shall not pass by another. */
  readonly path: ChannelPath;
  /** Makes `b` vanish as a crash does, or undefined where that cannot be done from here. */
  readonly crash?: (() => Promise<void>) | undefined;
  teardown(): Promise<void>;
}

/** The subject as the tests use it, once it is set up. */
export interface Ground extends NetSubject {
  /** Until the end of the suite. */
  serve(protocol: string, handler: ChannelHandler, by?: Net): void;
  /** From `a` to `b`. */
  open(protocol: string): Promise<Channel>;
}

export const echoProtocol = '/tabloom/test-echo/1';
export const topic = 'tabloom/offers/2';

export const bytes = (word: string) => new TextEncoder().encode(word);
export const text = (message: Uint8Array) => new TextDecoder().decode(message);

export async function readAll(channel: Channel): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for await (const message of channel) messages.push(message);
  return messages;
}

export async function first(channel: Channel): Promise<Uint8Array | undefined> {
  for await (const message of channel) return message;
  return undefined;
}

/** Resolves when the channel has gone. */
export const gone = (channel: Channel): Promise<void> =>
  new Promise((resolve) => {
    if (channel.closed.aborted) resolve();
    else channel.closed.addEventListener('abort', () => resolve(), { once: true });
  });

/** Publishes again until it is heard: a subscription needs a moment to be known. */
export async function publishUntil(net: Net, message: Uint8Array, heard: Promise<void>): Promise<void> {
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
export async function quiet(count: () => number): Promise<void> {
  for (let last = -1; last !== count();) {
    last = count();
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
  }
}
