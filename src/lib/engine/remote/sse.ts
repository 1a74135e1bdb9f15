import { createParser } from 'eventsource-parser';
import { TabloomError } from '#lib/base/errors.ts';

/** Longest event; a chat never sends a longer one. */
const eventCharactersMax = 4 * 1024 * 1024;

/**
 * The `data` of server-sent events, however the bytes are split; those that arrive in one read come together, so that
 * the rest of an answer's way is paid once for them. Comments, other fields and events without data are skipped; an
 * unterminated event at the end of the stream is included.
 * @throws `engine-failed` for an event above the limit.
 */
export async function* readServerSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let events: string[] = [];
  let tooLong = false;
  const parser = createParser({
    maxBufferSize: eventCharactersMax,
    onEvent: ({ data }) => void events.push(data),
    onError: ({ type }) => {
      tooLong ||= type === 'max-buffer-size-exceeded';
    },
  });
  const feed = (text: string): readonly string[] => {
    parser.feed(text);
    if (tooLong) {
      throw new TabloomError('engine-failed', 'The model server sent an event that is too long. Check its address.');
    }
    const read = events.map((data) => data.trim()).filter((data) => data !== '');
    events = [];
    return read;
  };
  for await (const bytes of body) {
    const read = feed(decoder.decode(bytes, { stream: true }));
    if (read.length > 0) yield read;
  }
  const rest = feed(`${decoder.decode()}\n\n`);
  if (rest.length > 0) yield rest;
}
