/**
 * A reasoning model's output, split into its reasoning and its answer. Reasoning arrives separately or between
 * `<think>` and `</think>`.
 */
export interface SplitAnswer {
  readonly thoughts: string;
  /** `thinking` until the end tag has arrived. */
  readonly state: 'none' | 'thinking' | 'done';
  readonly answer: string;
}

const begin = '<think>';
const end = '</think>';

/**
 * Splits reasoning off the front of a complete or growing text; tags further in are plain text. `reasoning` is what
 * arrived separately.
 */
export function splitThoughts(text: string, reasoning = ''): SplitAnswer {
  if (reasoning !== '') return { thoughts: reasoning.trim(), state: text === '' ? 'thinking' : 'done', answer: text };
  const start = text.trimStart();
  if (!start.startsWith(begin)) {
    // An incomplete tag could still become one.
    const growing = start !== '' && begin.startsWith(start);
    return { thoughts: '', state: 'none', answer: growing ? '' : text };
  }
  const inside = start.slice(begin.length);
  const at = inside.indexOf(end);
  if (at < 0) return { thoughts: inside.trim(), state: 'thinking', answer: '' };
  return { thoughts: inside.slice(0, at).trim(), state: 'done', answer: inside.slice(at + end.length).trimStart() };
}

/** How long a model has thought, in milliseconds since the epoch; without `untilMs` it still does. */
export interface Thinking {
  readonly sinceMs: number;
  readonly untilMs?: number | undefined;
}

/** Follows an answer as it grows. @param over whether nothing more comes: a thought that was cut off has ended too. */
export function followThoughts(
  before: Thinking | undefined,
  { state }: Pick<SplitAnswer, 'state'>,
  atMs: number,
  over: boolean,
): Thinking | undefined {
  if (state === 'none' || before?.untilMs !== undefined) return before;
  const { sinceMs } = before ?? { sinceMs: atMs };
  return state === 'done' || over ? { sinceMs, untilMs: Math.max(sinceMs, atMs) } : (before ?? { sinceMs });
}
