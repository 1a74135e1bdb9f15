/** A piece of a block: plain Markdown, or a formula in TeX. */
export type MathPiece =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'math';
      readonly tex: string;
      readonly display: boolean;
      /** The original text, including its delimiters. */
      readonly source: string;
    };

/**
 * Finds formulas: `$$…$$` and `\[…\]` displayed, `\(…\)` inline. A single `$` is more often a price than a formula and
 * stays text. Code is left alone.
 */
export function splitMath(block: string): readonly MathPiece[] {
  const pieces: MathPiece[] = [];
  let from = 0;
  for (const match of block.matchAll(/(`+)[\s\S]*?\1|\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)/g)) {
    const [whole, code, dollars, brackets, parens] = match;
    if (code !== undefined) continue;
    if (match.index > from) pieces.push({ type: 'text', text: block.slice(from, match.index) });
    const tex = (dollars ?? brackets ?? parens)!.trim();
    pieces.push({ type: 'math', tex, display: parens === undefined, source: whole });
    from = match.index + whole.length;
  }
  if (from < block.length) pieces.push({ type: 'text', text: block.slice(from) });
  return pieces;
}
