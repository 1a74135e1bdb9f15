/** Characters of the source that are looked through for one that is visible: longer than any mark between two. */
const searchedMax = 32;

/**
 * The index in the visible text of the source's character at `offset`. Markdown shows its source without the marks, so each
 * visible character is searched for in the source after the one before; one that Markdown made up is passed over.
 */
export function visibleOffset(source: string, visible: string, offset: number): number {
  let at = 0;
  for (let index = 0; index < visible.length; index++) {
    const character = visible[index]!;
    if (/\s/.test(character)) continue;
    const found = source.indexOf(character, at);
    if (found < 0 || found - at > searchedMax) continue;
    if (found >= offset) return index;
    at = found + 1;
  }
  return visible.length;
}

/**
 * How far down an element its source's character at `offset` stands, as a share of its height from 0 to 1: the line it is
 * in, and within the line as far as it is from the line's start. Undefined if it is not on screen.
 */
export function seamShare(element: HTMLElement, source: string, offset: number): number | undefined {
  const box = element.getBoundingClientRect();
  if (box.height === 0) return undefined;
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes: Text[] = [];
  while (walker.nextNode()) nodes.push(walker.currentNode as Text);
  let index = visibleOffset(source, nodes.map(({ data }) => data).join(''), offset);
  const node = nodes.find(({ data }) => {
    if (index < data.length) return true;
    index -= data.length;
    return false;
  });
  if (!node) return undefined;
  const range = document.createRange();
  range.setStart(node, index);
  range.setEnd(node, index + 1);
  const { top, left, height } = range.getBoundingClientRect();
  const along = box.width === 0 ? 0 : (left - box.left) / box.width;
  return Math.min(1, Math.max(0, (top - box.top + height * along) / box.height));
}
