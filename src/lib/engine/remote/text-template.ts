/**
 * A server's chunks of one answer differ in their text and in nothing else. This keeps what stood around the last text, and
 * reads a chunk that has the same around its own without parsing it as a whole: a quarter of the time from bytes to chunks.
 */
export interface TextTemplate {
  /** The text of a chunk that is otherwise like the last one learnt; undefined for every other, valid or not. */
  read(data: string): string | undefined;
  /** To be called with a chunk that says nothing but this text, which is its only `content`. */
  learn(data: string, text: string): void;
}

/** In a row: a server whose chunks are all different is not compared any more. */
const missesMax = 16;

export function createTextTemplate(): TextTemplate {
  let before: string | undefined;
  let after = '';
  let misses = 0;

  return {
    read(data) {
      if (before === undefined || data.length < before.length + after.length) return undefined;
      if (!data.startsWith(before) || !data.endsWith(after)) return undefined;
      const text = readString(data.slice(before.length, data.length - after.length));
      if (text !== undefined) misses = 0;
      return text;
    },
    learn(data, text) {
      before = undefined;
      if (misses++ >= missesMax) return;
      // Within a string a quote is escaped, so this can only be the name of a member.
      const at = data.indexOf(contentName);
      if (at === -1 || data.includes(contentName, at + 1)) return;
      const from = data.indexOf('"', at + contentName.length);
      const string = JSON.stringify(text);
      if (from === -1 || !data.startsWith(string, from)) return;
      before = data.slice(0, from + 1);
      after = data.slice(from + string.length - 1);
    },
  };
}

const contentName = '"content":';

/** What stands between the quotes of a JSON string; undefined where that is not one string. */
function readString(inner: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- JSON forbids them in strings
  if (/^[^"\\\u0000-\u001f]*$/.test(inner)) return inner;
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    return undefined;
  }
}
