import { Marked, type MarkedExtension, type Token } from 'marked';
import type { MathPiece } from './math.ts';

/** HTML as Markdown's parser makes it: not clean yet. `render.ts` is what pages use. */

const plain: MarkedExtension = {
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    // Tags that a model wrote are shown, not obeyed.
    html: ({ text }) => escapeHtml(text),
    image: ({ text }) => escapeHtml(text),
    // A form control would ask to be named and pressed.
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    listitem({ task, tokens }) {
      return `<li${task ? ' data-task' : ''}>${this.parser.parse(tokens)}</li>\n`;
    },
  },
};
const marked = new Marked(plain);

export const toHtml = (block: string): string => marked.parse(block) as string;

/** Stands for a formula while Markdown looks at the text around it: no character of it means anything there. */
const placeholder = (index: number) => `\u{E000}${index}\u{E001}`;

/**
 * A formula becomes markup where there is running text, and stays the source it was everywhere else: in the title of a
 * link, an address, a piece of code.
 */
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
  return new Marked(plain, withFormulas).parse(text) as string;
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
