/** Parses a block that is a single code fence, closed or still open; undefined for other blocks. */
export function codeOf(
  block: string,
): { readonly language: string; readonly text: string; readonly state: 'open' | 'closed' } | undefined {
  const match = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\n`]*)\n([\s\S]*)$/.exec(block);
  if (!match) return undefined;
  const [, fence = '', info = '', rest = ''] = match;
  const close = new RegExp(`(^|\\n) {0,3}${fence[0]}{${fence.length},}[ \\t]*\\s*$`);
  const end = rest.search(close);
  // Leave content after a closing fence in the same block to the Markdown parser.
  if (end < 0 && new RegExp(`(^|\\n) {0,3}${fence[0]}{${fence.length},}[ \\t]*\\n`).test(rest)) return undefined;
  return {
    language: info.trim().split(/\s+/)[0] ?? '',
    text: end < 0 ? rest : rest.slice(0, end),
    state: end < 0 ? 'open' : 'closed',
  };
}
