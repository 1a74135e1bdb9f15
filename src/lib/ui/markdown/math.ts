/** A piece of a block: plain Markdown, or a formula in TeX. */
export type MathPiece =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'math';
      readonly tex: string;
      readonly display: boolean;
      /** As it was written, with its marks. */
      readonly source: string;
    };

/**
 * Finds formulas: `$$…$$` and `\[…\]` on their own, `\(…\)` within a line. A single `$` is a price more often than a
 * formula and stays one. Code is left alone.
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
