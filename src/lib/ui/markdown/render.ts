import DOMPurify from 'dompurify';
import { toHtml, toHtmlWithFormulas } from './html.ts';
import type { MathPiece } from './math.ts';

const tags =
  'p br hr h1 h2 h3 h4 h5 h6 strong em del code pre blockquote ul ol li a table thead tbody tr th td sup sub kbd'.split(
    ' ',
  );
const attributes = ['href', 'title', 'start', 'align'];
/** How a formula looks; a sanitiser that is told which addresses are good takes every other value for a bad one. */
const formulaAttributes = (
  'accent accentunder columnalign columnlines columnspacing depth display displaystyle fence height largeop ' +
  'linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines ' +
  'rowspacing rspace scriptlevel separator side stretchy symmetric voffset width'
).split(' ');
const common = {
  // Values of these are no addresses and are not held to the next line.
  ADD_URI_SAFE_ATTR: ['title', 'start', 'align', ...formulaAttributes],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};
const allowed = { ...common, ALLOWED_TAGS: tags, ALLOWED_ATTR: attributes };
const allowedWithFormulas = { ...common, USE_PROFILES: { mathMl: true }, ADD_TAGS: tags, ADD_ATTR: attributes };

// An answer comes from a stranger's machine: its links open apart, tell the target nothing and vouch for nothing. Of
// images only the description is left, since fetching one tells a server of the model's choosing what was said.
DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A' || !node.hasAttribute('href')) return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer nofollow');
});

/** One block of Markdown as clean HTML. */
export const renderMarkdown = (block: string): string => DOMPurify.sanitize(toHtml(block), allowed);

/** A block with formulas in it, made clean as one whole: nothing is put into it afterwards. */
export async function renderMath(pieces: readonly MathPiece[]): Promise<string> {
  const { renderFormula } = await import('./formula.ts');
  return DOMPurify.sanitize(toHtmlWithFormulas(pieces, renderFormula), allowedWithFormulas);
}
