import { createParser } from 'eventsource-parser';
import { TabloomError } from '#lib/base/errors.ts';

/** What may stand between two blank lines; an event longer than this is none of a chat. */
const eventCharactersMax = 4 * 1024 * 1024;

/**
 * The `data` of server-sent events; a line may come in any number of pieces. Events without data, comments and other
 * fields are left out, and an event that the end of the stream cut off counts.
 * @throws `engine-failed` for an event past the limit.
 */
export async function* readServerSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let events: string[] = [];
  let tooLong = false;
  const parser = createParser({
    maxBufferSize: eventCharactersMax,
    onEvent: ({ data }) => void events.push(data),
    onError: ({ type }) => {
      tooLong ||= type === 'max-buffer-size-exceeded';
    },
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      parser.feed(done ? `${decoder.decode()}\n\n` : decoder.decode(value, { stream: true }));
      if (tooLong) {
        throw new TabloomError('engine-failed', 'The model server sent an event that is too long. Check its address.');
      }
      for (const data of events) if (data.trim() !== '') yield data.trim();
      events = [];
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
