import type { MarkedExtension, Token, TokenizerThis } from 'marked';

/** A note below a text, and the mark that leads to it. */
export interface Footnote {
  readonly type: 'footnote';
  readonly raw: string;
  readonly label: string;
  readonly tokens: Token[];
}

/** At the beginning of a line, up to a blank one that nothing indented follows, or to the next note. */
const note = /^ {0,3}\[\^([^\]\s]{1,32})\]:[ \t]*([^\n]*(?:\n(?![\s[])[^\n]+|\n+[ \t]{2,}\S[^\n]*)*)(?:\n+|$)/;
/** By number alone: `[^a-z]` is more often an expression than a footnote. */
const mark = /^\[\^(\d{1,3})\]/;

/** Footnotes as GitHub writes them. Mark and note may stand in different blocks, which are read apart: neither is a link. */
export const footnotes: MarkedExtension = {
  extensions: [
    {
      name: 'footnote',
      level: 'block',
      start: (text) => /^ {0,3}\[\^/m.exec(text)?.index,
      tokenizer(this: TokenizerThis, text) {
        const match = note.exec(text);
        if (!match) return undefined;
        const tokens: Token[] = [];
        this.lexer.inline(match[2]!.replace(/\n\s*/g, '\n').trim(), tokens);
        return { type: 'footnote', raw: match[0], label: match[1]!, tokens };
      },
      renderer(token) {
        const { label, tokens } = token as unknown as Footnote;
        return `<p data-note><sup>${escape(label)}</sup> ${this.parser.parseInline(tokens)}</p>\n`;
      },
    },
    {
      name: 'footnote-mark',
      level: 'inline',
      start: (text) => text.indexOf('[^'),
      tokenizer(text) {
        const match = mark.exec(text);
        return match ? { type: 'footnote-mark', raw: match[0], label: match[1]! } : undefined;
      },
      renderer: (token) => `<sup>[${String(token['label'])}]</sup>`,
    },
  ],
};

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? '&quot;');
