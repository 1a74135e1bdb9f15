import type { Channel, ChannelHandler, ChannelPath, Net } from '#lib/net/spec.ts';

/** Two started nets that can reach each other, and an unused third peer id. */
export interface NetSubject {
  readonly a: Net;
  readonly b: Net;
  readonly nobody: string;
  /** The expected path of channels from `a` to `b`, so that a suite for one path does not pass over another. */
  readonly path: ChannelPath;
  /** Makes `b` crash; undefined if that cannot be simulated. */
  readonly crash?: (() => Promise<void>) | undefined;
  teardown(): Promise<void>;
}

/** The subject after set-up. */
export interface Ground extends NetSubject {
  /** Aborts at the end of the suite. */
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

/** Resolves when the channel has closed. */
export const gone = (channel: Channel): Promise<void> =>
  new Promise((resolve) => {
    if (channel.closed.aborted) resolve();
    else channel.closed.addEventListener('abort', () => resolve(), { once: true });
  });

/** Publishes repeatedly until received, because a subscription takes a moment to propagate. */
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

/** Resolves when a count has stopped changing for a while. */
export async function quiet(count: () => number): Promise<void> {
  for (let last = -1; last !== count();) {
    last = count();
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
  }
}
