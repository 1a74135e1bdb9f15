import { createParser } from 'eventsource-parser';
import { TabloomError } from '#lib/base/errors.ts';

/** Longest event; a chat never sends a longer one. */
const eventCharactersMax = 4 * 1024 * 1024;

/** Reads server-sent events, however their bytes are split. */
export interface EventReader {
  /**
   * The `data` of the events that these bytes complete. Comments, other fields and events without data are skipped.
   * @throws `engine-failed` for an event above the limit.
   */
  read(bytes: Uint8Array): readonly string[];
  /** At the end of the stream: an event that was not terminated. @throws as `read` does. */
  end(): readonly string[];
}

export function createEventReader(): EventReader {
  const decoder = new TextDecoder();
  let events: string[] = [];
  let tooLong = false;
  const parser = createParser({
    maxBufferSize: eventCharactersMax,
    onEvent: ({ data }) => {
      const text = data.trim();
      if (text !== '') events.push(text);
    },
    onError: ({ type }) => {
      tooLong ||= type === 'max-buffer-size-exceeded';
    },
  });
  const feed = (text: string): readonly string[] => {
    parser.feed(text);
    if (tooLong) {
      throw new TabloomError('engine-failed', 'The model server sent an event that is too long. Check its address.');
    }
    const read = events;
    events = [];
    return read;
  };
  return {
    read: (bytes) => feed(decoder.decode(bytes, { stream: true })),
    end: () => feed(`${decoder.decode()}\n\n`),
  };
}
