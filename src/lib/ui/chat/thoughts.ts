/** What a reasoning model wrote to itself before its answer: apart from it, or between `<think>` and `</think>`. */
export interface SplitAnswer {
  readonly thoughts: string;
  /** `thinking` until the end mark has come. */
  readonly state: 'none' | 'thinking' | 'done';
  readonly answer: string;
}

const begin = '<think>';
const end = '</think>';

/**
 * Takes the thoughts off the front of a text, finished or still growing; marks further in are text. `reasoning` is what came
 * apart from it.
 */
export function splitThoughts(text: string, reasoning = ''): SplitAnswer {
  if (reasoning !== '') return { thoughts: reasoning.trim(), state: text === '' ? 'thinking' : 'done', answer: text };
  const start = text.trimStart();
  if (!start.startsWith(begin)) {
    // Until the mark is whole it could still become one.
    const growing = start !== '' && begin.startsWith(start);
    return { thoughts: '', state: 'none', answer: growing ? '' : text };
  }
  const inside = start.slice(begin.length);
  const at = inside.indexOf(end);
  if (at < 0) return { thoughts: inside.trim(), state: 'thinking', answer: '' };
  return { thoughts: inside.slice(0, at).trim(), state: 'done', answer: inside.slice(at + end.length).trimStart() };
}
