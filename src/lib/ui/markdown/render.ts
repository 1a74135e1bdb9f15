import DOMPurify from 'dompurify';
import { toHtml, toHtmlWithFormulas } from './html.ts';
import type { MathPiece } from './math.ts';

const tags =
  'p br hr h1 h2 h3 h4 h5 h6 strong em del code pre blockquote ul ol li a table thead tbody tr th td sup sub kbd'.split(
    ' ',
  );
const attributes = ['href', 'title', 'start', 'align'];
/**
 * Presentation attributes of formulas. They must be listed as URI-safe, because DOMPurify otherwise checks every
 * attribute value against the URI pattern.
 */
const formulaAttributes = (
  'accent accentunder columnalign columnlines columnspacing depth display displaystyle fence height largeop ' +
  'linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines ' +
  'rowspacing rspace scriptlevel separator side stretchy symmetric voffset width'
).split(' ');
const common = {
  // These values are not URIs and must not be checked against the pattern below.
  ADD_URI_SAFE_ATTR: ['title', 'start', 'align', ...formulaAttributes],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};
const allowed = { ...common, ALLOWED_TAGS: tags, ALLOWED_ATTR: attributes };
const allowedWithFormulas = { ...common, USE_PROFILES: { mathMl: true }, ADD_TAGS: tags, ADD_ATTR: attributes };

// Answers come from strangers' machines: links open in a new tab without referrer or endorsement. Images are reduced to
// their description, because fetching one could leak the conversation to a server chosen by the model.
DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A' || !node.hasAttribute('href')) return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer nofollow');
});

/** Renders one block of Markdown to sanitised HTML. */
export const renderMarkdown = (block: string): string => DOMPurify.sanitize(toHtml(block), allowed);

/** Renders a block with formulas, sanitised as a whole; nothing is inserted afterwards. */
export async function renderMath(pieces: readonly MathPiece[]): Promise<string> {
  const { renderFormula } = await import('./formula.ts');
  return DOMPurify.sanitize(toHtmlWithFormulas(pieces, renderFormula), allowedWithFormulas);
}
