import { utf8Encode } from '#lib/base/bytes.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';

/**
 * The parts of one answer, in order, with any number of readers behind it. A reader that keeps up gets each part as it
 * came; one whose transport was busy gets what has gathered meanwhile as one part. That is the only coalescing there is.
 */
export interface AnswerLog {
  readonly bytes: number;
  append(part: Part): void;
  /** Joins what can be joined: a finished answer is kept small for the askers that come again. */
  compact(): void;
  read(): AnswerReader;
  /** Bytes the reader that is furthest on has still to send; 0 without readers. */
  unreadBytes(): number;
}

export interface AnswerReader {
  /** The next part to send, or undefined when there is none yet. The one before counts as sent. */
  next(): Part | undefined;
  close(): void;
}

interface Cursor {
  index: number;
  /** Bytes of everything before `index`, sent part included only once it has been sent. */
  sentBytes: number;
  inFlightBytes: number;
}

export function createAnswerLog(): AnswerLog {
  let parts: Part[] = [];
  let bytes = 0;
  const cursors = new Set<Cursor>();

  return {
    get bytes() {
      return bytes;
    },
    append(part) {
      parts.push(part);
      bytes += partBytes(part);
    },
    compact() {
      // A reader's place is an index: it must not move under a reader.
      if (cursors.size > 0) return;
      const joined: Part[] = [];
      for (let index = 0; index < parts.length;) {
        const { part, end } = joinFrom(parts, index);
        joined.push(part);
        index = end;
      }
      parts = joined;
    },
    read() {
      const cursor: Cursor = { index: 0, sentBytes: 0, inFlightBytes: 0 };
      cursors.add(cursor);
      return {
        next() {
          cursor.sentBytes += cursor.inFlightBytes;
          cursor.inFlightBytes = 0;
          if (cursor.index >= parts.length) return undefined;
          const { part, end } = joinFrom(parts, cursor.index);
          for (const taken of parts.slice(cursor.index, end)) cursor.inFlightBytes += partBytes(taken);
          cursor.index = end;
          return part;
        },
        close: () => cursors.delete(cursor),
      };
    },
    unreadBytes() {
      let least = Number.POSITIVE_INFINITY;
      for (const cursor of cursors) least = Math.min(least, bytes - cursor.sentBytes);
      return cursors.size === 0 ? 0 : least;
    },
  };
}

/** Joins the parts from `index` on while they fit one part of the wire; `end` is the first that is not in it. */
function joinFrom(parts: readonly Part[], index: number): { readonly part: Part; readonly end: number } {
  const first = parts[index]!;
  let end = index + 1;
  if (first.type !== 'text-delta') return { part: first, end };
  let { text, tokens } = first;
  let textBytes = utf8Encode(text).length;
  const ids = first.ids && [...first.ids];
  for (; end < parts.length; end++) {
    const part = parts[end]!;
    if (part.type !== 'text-delta' || (part.ids === undefined) !== (ids === undefined)) break;
    const moreBytes = utf8Encode(part.text).length;
    if (textBytes + moreBytes > limits.partTextBytesMax) break;
    if (tokens + part.tokens > limits.tokensPerPartMax) break;
    if (ids && ids.length + part.ids!.length > limits.tokensPerPartMax) break;
    text += part.text;
    textBytes += moreBytes;
    tokens += part.tokens;
    ids?.push(...part.ids!);
  }
  return { part: { type: 'text-delta', text, tokens, ...(ids ? { ids } : {}) }, end };
}

/** About what a part takes on the wire: its text, its ids, its frame. */
const partBytes = (part: Part): number =>
  part.type === 'text-delta'
    ? 32 + utf8Encode(part.text).length + 5 * (part.ids?.length ?? 0)
    : 32 + encodeCbor(part).length;
