/** What an inbox counts of a message: its bytes. */
interface Sized {
  readonly length: number;
}

/**
 * The unread messages of a channel. Several loops may read it one after another; leaving a loop loses nothing. On
 * failure, messages that arrived before it are still delivered first.
 */
export interface Inbox<Message extends Sized = Uint8Array> extends AsyncIterable<Message> {
  readonly bufferedBytes: number;
  readonly ended: boolean;
  push(message: Message): void;
  /** The other side has signalled the end. */
  end(): void;
  /** The channel failed. Only the first end or failure counts. */
  fail(error: Error): void;
  /** Discards unread messages. */
  drop(): void;
}

/** @param onRead called after each message is read, with the bytes still buffered. */
export function createInbox<Message extends Sized = Uint8Array>(
  onRead: (bufferedBytes: number) => void = () => undefined,
): Inbox<Message> {
  const messages: Message[] = [];
  let outcome: { readonly error?: Error } | undefined;
  let wake: (() => void) | undefined;

  const settle = (as: { readonly error?: Error }) => {
    outcome ??= as;
    inbox.ended = true;
    wake?.();
  };
  const take = (): Message => {
    const message = messages.shift()!;
    inbox.bufferedBytes -= message.length;
    onRead(inbox.bufferedBytes);
    return message;
  };

  // Members and no getters, which would give each of them a shape of its own and keep it until the old generation is collected.
  const inbox: Inbox<Message> & { bufferedBytes: number; ended: boolean } = {
    bufferedBytes: 0,
    ended: false,
    push(message) {
      if (outcome) return;
      messages.push(message);
      inbox.bufferedBytes += message.length;
      wake?.();
    },
    end: () => settle({}),
    fail: (error) => settle({ error }),
    drop() {
      messages.length = 0;
      inbox.bufferedBytes = 0;
    },
    // By hand, and a message goes to the reader that waits for it: a generator would make three promises of each.
    [Symbol.asyncIterator]: () => {
      let isOver = false;
      const read = (): Promise<IteratorResult<Message>> => {
        if (isOver) return Promise.resolve(over);
        if (messages.length > 0) return Promise.resolve({ done: false, value: take() });
        if (!outcome) {
          return new Promise((resolve) => {
            wake = () => {
              wake = undefined;
              resolve(messages.length > 0 && !isOver ? { done: false, value: take() } : read());
            };
          });
        }
        isOver = true;
        return outcome.error ? Promise.reject(outcome.error) : Promise.resolve(over);
      };
      const leave = (): Promise<IteratorResult<Message>> => {
        isOver = true;
        return Promise.resolve(over);
      };
      return { next: read, return: leave };
    },
  };
  return inbox;
}

const over: IteratorResult<never> = { done: true, value: undefined };
