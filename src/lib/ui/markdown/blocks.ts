/**
 * Splits Markdown into blocks, so that only the last block of a growing answer is reparsed. A blank line ends a block
 * unless it is inside a fence, or in a list or quote that continues after it. Joining the blocks yields the exact text.
 */
export function splitBlocks(text: string): readonly string[] {
  const blocks: string[] = [];
  let start = 0;
  let at = 0;
  let fence: string | undefined;
  let blank = false;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(at, end);
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (line.trim() === '') blank = fence === undefined;
    else {
      if (blank && fence === undefined && !continues(line)) {
        blocks.push(text.slice(start, at));
        start = at;
      }
      blank = false;
    }
    if (mark && fence === undefined) fence = mark;
    else if (mark && fence && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark)
      fence = undefined;
    at = end;
  }
  if (start < text.length) blocks.push(text.slice(start));
  return blocks;
}

/** An indented line after a blank one belongs to the preceding list item. */
const continues = (line: string): boolean => /^( {2,}|\t)\S/.test(line);
