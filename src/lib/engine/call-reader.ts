import type { Logprob, Part } from '#lib/protocol/part.ts';
import type { RawPiece } from './stop-filter.ts';
import { callEnd, callStart } from './tool-calls.ts';

type Delta = Extract<Part, { type: 'text-delta' | 'tool-call-delta' }>;

/** A part of the answer with the log-probabilities of its tokens. */
export interface ReadDelta {
  readonly part: Delta;
  readonly logprobs: readonly Logprob[];
}

export interface CallReader {
  push(piece: RawPiece): readonly ReadDelta[];
  /** Releases what was held back; call at the end of the answer. */
  flush(): readonly ReadDelta[];
  /** Number of complete calls. */
  readonly calls: number;
}

/** Enough for a marker, a name and the JSON between them. */
const headerMax = 512;
const header = /^\s*\{\s*"name"\s*:\s*"([A-Za-z0-9_-]{1,64})"\s*,\s*"arguments"\s*:\s*(?=\S)/;

/**
 * Incrementally separates tool calls from text in a model's output. Tokens of the markers are attributed to whatever
 * follows them, so that the total stays what the engine counted. Tokens of one piece are attributed to the last part it
 * yields, so that none is counted before all of it has been delivered.
 */
export function createCallReader(options: { readonly idOf: (index: number) => string }): CallReader {
  let held = '';
  let state: 'text' | 'header' | 'arguments' | 'tail' = 'text';
  let index = -1;
  let calls = 0;
  let json = { depth: 0, quoted: false, escaped: false };
  let owed: { tokens: number; ids: number[] | undefined; logprobs: Logprob[] } = { tokens: 0, ids: [], logprobs: [] };
  let out: Delta[] = [];

  const emit = (
    part:
      | Omit<Extract<Delta, { type: 'text-delta' }>, 'tokens'>
      | Omit<Extract<Delta, { type: 'tool-call-delta' }>, 'tokens'>,
  ) => out.push({ ...part, tokens: 0 });
  const emitText = (text: string) => {
    // Between and after calls the format allows only whitespace.
    const visible = calls > 0 ? text.trim() : text;
    if (visible !== '') emit({ type: 'text-delta', text: visible });
  };

  /** Consumes what it can of `held`; false if it needs more input. */
  function advance(): boolean {
    switch (state) {
      case 'text': {
        const at = held.indexOf(callStart);
        const end = at >= 0 ? at : held.length - tailOf(held);
        emitText(held.slice(0, end));
        held = held.slice(at >= 0 ? at + callStart.length : end);
        if (at >= 0) state = 'header';
        return at >= 0;
      }
      case 'header': {
        const match = header.exec(held);
        if (!match) {
          if (held.length < headerMax) return false;
          held = callStart + held;
          emit({ type: 'text-delta', text: held });
          held = '';
          state = 'text';
          return false;
        }
        index += 1;
        json = { depth: 0, quoted: false, escaped: false };
        emit({ type: 'tool-call-delta', index, id: options.idOf(index), name: match[1]!, arguments: '' });
        held = held.slice(match[0].length);
        state = 'arguments';
        return true;
      }
      case 'arguments': {
        const end = endOfValue(held, json);
        const taken = held.slice(0, end ?? held.length);
        if (taken !== '') emit({ type: 'tool-call-delta', index, arguments: taken });
        held = held.slice(taken.length);
        if (end === undefined) return false;
        state = 'tail';
        return true;
      }
      case 'tail': {
        const at = held.indexOf(callEnd);
        if (at < 0) return false;
        calls += 1;
        held = held.slice(at + callEnd.length);
        state = 'text';
        return true;
      }
    }
  }

  const drain = (): readonly ReadDelta[] => {
    const last = out.pop();
    if (!last) return [];
    const before = out.map((part) => ({ part, logprobs: [] }));
    const { tokens, ids, logprobs } = owed;
    owed = { tokens: 0, ids: [], logprobs: [] };
    out = [];
    return [...before, { part: { ...last, tokens, ...(ids && ids.length > 0 ? { ids } : {}) }, logprobs }];
  };

  return {
    get calls() {
      return calls;
    },
    push(piece) {
      held += piece.text;
      owed.tokens += piece.tokens;
      if (!piece.ids && piece.tokens > 0) owed.ids = undefined;
      owed.ids?.push(...(piece.ids ?? []));
      owed.logprobs.push(...(piece.logprobs ?? []));
      while (advance());
      return drain();
    },
    flush() {
      if (state === 'text') emitText(held);
      held = '';
      if (owed.tokens > 0 && out.length === 0) {
        if (index < 0 || state === 'header') emit({ type: 'text-delta', text: '' });
        else emit({ type: 'tool-call-delta', index, arguments: '' });
      }
      return drain();
    },
  };
}

/** Length of the longest suffix that is a prefix of the marker. */
function tailOf(text: string): number {
  for (let length = Math.min(callStart.length - 1, text.length); length > 0; length--) {
    if (callStart.startsWith(text.slice(text.length - length))) return length;
  }
  return 0;
}

/**
 * Index after the end of the JSON object that `text` continues, or undefined if it does not end there. `at` carries the
 * scanner state.
 */
function endOfValue(text: string, at: { depth: number; quoted: boolean; escaped: boolean }): number | undefined {
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (at.quoted) {
      if (at.escaped) at.escaped = false;
      else if (char === '\\') at.escaped = true;
      else if (char === '"') at.quoted = false;
    } else if (char === '"') at.quoted = true;
    else if (char === '{' || char === '[') at.depth += 1;
    else if (char === '}' || char === ']') at.depth -= 1;
    if (at.depth === 0 && !at.quoted) return i + 1;
  }
  return undefined;
}
