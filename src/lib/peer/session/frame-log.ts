import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';

/**
 * The frames of one answer, in order, for any number of readers. A reader that keeps up gets each frame as it was appended;
 * one whose transport was busy gets the text that has accumulated as one part. Frames are coalesced nowhere else.
 */
export interface FrameLog {
  /** The approximate size of the log on the wire. */
  readonly bytes: number;
  append(frame: AnswerFrame): void;
  /** Joins what can be joined, so that a finished answer takes little memory while it is kept for repeated requests. */
  compact(): void;
  read(): FrameReader;
  /** Bytes that the most advanced reader has not read; 0 without readers. */
  unreadBytes(): number;
}

/** The frame that ends an answer. */
export type Ending = Extract<WorkerFrame, { t: 'refused' | 'finish' | 'error' }>;
export type AnswerFrame = Extract<WorkerFrame, { t: 'part' | 'checkpoint' }> | Ending;

export interface FrameReader {
  /** The next frame to send, or undefined if there is none yet. The previous one counts as sent. */
  next(): AnswerFrame | undefined;
  close(): void;
}

interface Cursor {
  index: number;
  /** Bytes of all frames before `index`; a frame that was read counts once it has been sent. */
  sentBytes: number;
  inFlightBytes: number;
}

type TextPart = Extract<Part, { type: 'text-delta' | 'reasoning-delta' }>;

export function createFrameLog(): FrameLog {
  let frames: AnswerFrame[] = [];
  const cursors = new Set<Cursor>();

  const log: FrameLog & { bytes: number } = {
    bytes: 0,
    append(frame) {
      frames.push(frame);
      log.bytes += frameBytes(frame);
    },
    compact() {
      // A reader's position is an index: frames must not move while there are readers.
      if (cursors.size > 0) return;
      const joined: AnswerFrame[] = [];
      for (let index = 0; index < frames.length;) {
        const end = endOfRun(frames, index);
        joined.push(joinRun(frames, index, end));
        index = end;
      }
      frames = joined;
      log.bytes = frames.reduce((sum, frame) => sum + frameBytes(frame), 0);
    },
    read() {
      const cursor: Cursor = { index: 0, sentBytes: 0, inFlightBytes: 0 };
      cursors.add(cursor);
      return {
        next() {
          cursor.sentBytes += cursor.inFlightBytes;
          cursor.inFlightBytes = 0;
          if (cursor.index >= frames.length) return undefined;
          const from = cursor.index;
          cursor.index = endOfRun(frames, from);
          for (let index = from; index < cursor.index; index++) cursor.inFlightBytes += frameBytes(frames[index]!);
          return joinRun(frames, from, cursor.index);
        },
        close: () => cursors.delete(cursor),
      };
    },
    unreadBytes() {
      let least = Number.POSITIVE_INFINITY;
      for (const cursor of cursors) least = Math.min(least, log.bytes - cursor.sentBytes);
      return cursors.size === 0 ? 0 : least;
    },
  };
  return log;
}

/** Text of the same type is joined as long as the result fits a frame. */
function textPartOf(frame: AnswerFrame): TextPart | undefined {
  if (frame.t !== 'part') return undefined;
  return frame.part.type === 'text-delta' || frame.part.type === 'reasoning-delta' ? frame.part : undefined;
}

/** The index after the last frame that can be joined to the one at `from`. */
export function endOfRun(frames: readonly AnswerFrame[], from: number): number {
  const first = textPartOf(frames[from]!);
  let end = from + 1;
  if (!first || end === frames.length) return end;
  let bytes = boundBytes(first.text);
  let { tokens } = first;
  for (; end < frames.length; end++) {
    const part = textPartOf(frames[end]!);
    if (!part || part.type !== first.type || (part.ids === undefined) !== (first.ids === undefined)) break;
    bytes += boundBytes(part.text);
    tokens += part.tokens;
    if (bytes > limits.partTextBytesMax || tokens > limits.tokensPerPartMax) break;
  }
  return end;
}

export function joinRun(frames: readonly AnswerFrame[], from: number, end: number): AnswerFrame {
  const first = frames[from]!;
  if (end === from + 1) return first;
  const parts = frames.slice(from, end).map((frame) => textPartOf(frame)!);
  const [{ type, ids }] = parts as [TextPart];
  return {
    t: 'part',
    part: {
      type,
      text: parts.map(({ text }) => text).join(''),
      tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
      ...(ids ? { ids: parts.flatMap((part) => part.ids!) } : {}),
    },
  };
}

/** An upper bound on the text's bytes in UTF-8, without encoding it. */
const boundBytes = (text: string): number => text.length * 3;

/** The approximate size of a frame on the wire: text, ids and overhead. */
function frameBytes(frame: AnswerFrame): number {
  if (frame.t === 'checkpoint' || frame.t === 'finish') return 1_024;
  if (frame.t !== 'part') return 32 + frame.message.length;
  const { part } = frame;
  switch (part.type) {
    case 'text-delta':
    case 'reasoning-delta':
      return 32 + part.text.length + 5 * (part.ids?.length ?? 0);
    case 'tool-call-delta':
      return 64 + part.arguments.length + 5 * (part.ids?.length ?? 0);
    case 'embedding':
      return 32 + part.vector.length;
    case 'data-delta':
      return 64 + part.bytes.length;
    case 'logprobs':
      return part.items.reduce((sum, { top }) => sum + 32 + 32 * top.length, 32);
    case 'warning':
      return 32 + part.message.length;
  }
}
