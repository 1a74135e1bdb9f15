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
  const decoder = createTextDecoding();
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
    read: (bytes) => feed(decoder.read(bytes)),
    end: () => feed(`${decoder.end()}\n\n`),
  };
}

/**
 * UTF-8 in pieces. A piece that ends with an ASCII character, after one that did, is decoded by itself, which costs a platform a
 * fraction of what a stream does.
 */
function createTextDecoding() {
  const stream = new TextDecoder();
  /** Not the first one: it may begin with a mark of the byte order, which the stream takes off. */
  let isAlone = false;
  return {
    read(bytes: Uint8Array): string {
      if (bytes.length === 0) return '';
      const endsWhole = bytes[bytes.length - 1]! < 0x80;
      const text = isAlone && endsWhole ? alone.decode(bytes) : stream.decode(bytes, { stream: true });
      isAlone = endsWhole;
      return text;
    },
    end: () => stream.decode(),
  };
}

const alone = new TextDecoder('utf-8', { ignoreBOM: true });
