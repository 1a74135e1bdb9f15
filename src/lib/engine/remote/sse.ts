import { createParser } from 'eventsource-parser';
import { TabloomError } from '#lib/base/errors.ts';

/** Longest event; a chat never sends a longer one. */
const eventCharactersMax = 4 * 1024 * 1024;

/**
 * The `data` of server-sent events, however the bytes are split. Comments, other fields and events without data are
 * skipped; an unterminated event at the end of the stream is included.
 * @throws `engine-failed` for an event above the limit.
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
