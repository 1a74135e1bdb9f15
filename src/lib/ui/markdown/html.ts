import { Marked, type MarkedExtension, type Token } from 'marked';
import { footnotes } from './footnotes.ts';
import type { MathPiece } from './math.ts';

/** Unsanitised HTML from the Markdown parser. Pages use `render.ts`. */

const plain: MarkedExtension = {
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    // HTML in the model's output is shown as text.
    html: ({ text }) => escapeHtml(text),
    image: ({ text }) => escapeHtml(text),
    // A real checkbox would need a label and could be clicked.
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    listitem({ task, tokens }) {
      return `<li${task ? ' data-task' : ''}>${this.parser.parse(tokens)}</li>\n`;
    },
  },
};
const marked = new Marked(plain, footnotes);

export const toHtml = (block: string): string => marked.parse(block) as string;

/** Placeholder for a formula during Markdown parsing; its characters have no meaning in Markdown. */
const placeholder = (index: number) => `\u{E000}${index}\u{E001}`;

/** Formulas become markup in running text and stay source text everywhere else, such as link titles, URLs and code. */
export function toHtmlWithFormulas(
  pieces: readonly MathPiece[],
  renderFormula: (tex: string, display: boolean) => string,
): string {
  const at = (index: string) => {
    const piece = pieces[Number(index)];
    return piece?.type === 'math' ? piece : undefined;
  };
  const restore = (text: string) => text.replace(/\u{E000}(\d+)\u{E001}/gu, (kept, index) => at(index)?.source ?? kept);
  const withFormulas: MarkedExtension = {
    extensions: [
      {
        name: 'formula',
        level: 'inline',
        start: (text) => text.indexOf('\u{E000}'),
        tokenizer(text) {
          const match = /^\u{E000}(\d+)\u{E001}/u.exec(text);
          return match && at(match[1]!) ? { type: 'formula', raw: match[0], index: match[1] } : undefined;
        },
        renderer(token) {
          const { tex, display } = at(String(token['index']))!;
          return renderFormula(tex, display);
        },
      },
    ],
    walkTokens(token: Token) {
      const texts = token as unknown as Record<string, unknown>;
      for (const member of ['text', 'href', 'title', 'lang']) {
        if (typeof texts[member] === 'string') texts[member] = restore(texts[member]);
      }
    },
  };
  const text = pieces
    .map((piece, index) =>
      piece.type === 'text' ? piece.text.replace(/[\u{E000}\u{E001}]/gu, '') : placeholder(index),
    )
    .join('');
  return new Marked(plain, footnotes, withFormulas).parse(text) as string;
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
