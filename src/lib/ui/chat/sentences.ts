/**
 * The complete sentences of `text` after character `from`, so that screen readers announce a stream by sentence rather
 * than by token. `done` releases the rest at the end.
 */
export function nextSentences(
  text: string,
  from: number,
  state: 'growing' | 'done',
): { readonly say: string; readonly upTo: number } {
  if (state === 'done') return { say: text.slice(from).trim(), upTo: text.length };
  const fresh = text.slice(from);
  let end = 0;
  // A full stop only counts once something follows it: "3." may become "3.5".
  for (const match of fresh.matchAll(/[.!?…。！？]["'”’)\]]*\s|\n/g)) end = match.index + match[0].length;
  return { say: fresh.slice(0, end).trim(), upTo: from + end };
}
