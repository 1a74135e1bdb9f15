/**
 * The whole sentences of `text` after character `from`, for a screen reader: a stream is announced by the sentence, not
 * by the token. `done` lets the rest out when no more comes.
 */
export function nextSentences(
  text: string,
  from: number,
  state: 'growing' | 'done',
): { readonly say: string; readonly upTo: number } {
  if (state === 'done') return { say: text.slice(from).trim(), upTo: text.length };
  const fresh = text.slice(from);
  let end = 0;
  // A full stop counts only once something follows it: "3." may yet become "3.5".
  for (const match of fresh.matchAll(/[.!?…。！？]["'”’)\]]*\s|\n/g)) end = match.index + match[0].length;
  return { say: fresh.slice(0, end).trim(), upTo: from + end };
}
