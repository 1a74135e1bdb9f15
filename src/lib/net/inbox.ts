/**
 * The unread messages of a channel. Several loops may read it one after another; leaving a loop loses nothing. On
 * failure, messages that arrived before it are still delivered first.
 */
export interface Inbox extends AsyncIterable<Uint8Array> {
  readonly bufferedBytes: number;
  readonly ended: boolean;
  push(message: Uint8Array): void;
  /** The other side has signalled the end. */
  end(): void;
  /** The channel failed. Only the first end or failure counts. */
  fail(error: Error): void;
  /** Discards unread messages. */
  drop(): void;
}

/** @param onRead called after each message is read, with the bytes still buffered. */
export function createInbox(onRead: (bufferedBytes: number) => void = () => undefined): Inbox {
  const messages: Uint8Array[] = [];
  let bufferedBytes = 0;
  let outcome: { readonly error?: Error } | undefined;
  let wake: (() => void) | undefined;

  const settle = (as: { readonly error?: Error }) => {
    outcome ??= as;
    wake?.();
  };
  const take = (): Uint8Array => {
    const message = messages.shift()!;
    bufferedBytes -= message.length;
    onRead(bufferedBytes);
    return message;
  };

  return {
    get bufferedBytes() {
      return bufferedBytes;
    },
    get ended() {
      return outcome !== undefined;
    },
    push(message) {
      if (outcome) return;
      messages.push(message);
      bufferedBytes += message.length;
      wake?.();
    },
    end: () => settle({}),
    fail: (error) => settle({ error }),
    drop() {
      messages.length = 0;
      bufferedBytes = 0;
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (messages.length > 0) yield take();
        else if (outcome?.error) throw outcome.error;
        else if (outcome) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
