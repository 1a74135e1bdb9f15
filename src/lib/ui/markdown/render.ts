import DOMPurify from 'dompurify';
import { Marked } from 'marked';
import type { MathPiece } from './math.ts';

/** Loaded with the first answer, not with the page. */
const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    // Tags that a model wrote are shown, not obeyed.
    html: ({ text }) => escapeHtml(text),
    image: ({ text }) => escapeHtml(text),
  },
});

const allowed = {
  ALLOWED_TAGS:
    'p br hr h1 h2 h3 h4 h5 h6 strong em del code pre blockquote ul ol li a table thead tbody tr th td sup sub kbd'.split(
      ' ',
    ),
  ALLOWED_ATTR: ['href', 'title', 'start', 'align'],
  // Values of these are no addresses and are not held to the next line.
  ADD_URI_SAFE_ATTR: ['title', 'start', 'align'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};

// An answer comes from a stranger's machine: its links open apart, tell the target nothing and vouch for nothing. Of
// images only the description is left, since fetching one tells a server of the model's choosing what was said.
DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A' || !node.hasAttribute('href')) return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer nofollow');
});

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** One block of Markdown as clean HTML. */
export const renderMarkdown = (block: string): string => DOMPurify.sanitize(marked.parse(block) as string, allowed);

/** Stands for a formula while Markdown looks at the text around it: no character of it means anything there. */
const placeholder = (index: number) => `\u{E000}${index}\u{E001}`;

/** A block with formulas in it. */
export async function renderMath(pieces: readonly MathPiece[]): Promise<string> {
  const { renderFormula } = await import('./formula.ts');
  const text = pieces.map((piece, index) => (piece.type === 'text' ? piece.text : placeholder(index))).join('');
  const html = renderMarkdown(text);
  return pieces.reduce((whole, piece, index) => {
    if (piece.type === 'text') return whole;
    const formula = renderFormula(piece.tex, piece.display);
    const clean = DOMPurify.sanitize(formula, { USE_PROFILES: { mathMl: true } });
    return whole.replace(placeholder(index), () => clean);
  }, html);
}
