import { Marked, type Token, type Tokens } from 'marked';
import { footnotes, type Footnote } from '#lib/ui/markdown/footnotes.ts';
import { h } from './dom.ts';

/**
 * A block of Markdown as nodes, built one by one: no HTML is ever parsed, so nothing in an answer can become markup that is not
 * listed here. HTML, pictures and other schemes than the web's stay the text that they were.
 */
export function renderBlock(block: string): readonly Node[] {
  return marked.lexer(block).flatMap(renderToken);
}

const marked = new Marked({ gfm: true, breaks: true }, footnotes);

const depthMax = 24;

function renderToken(token: Token): readonly Node[] {
  return render(token, 0);
}

function inline(tokens: readonly Token[] | undefined, depth: number, raw: string): readonly Node[] {
  return tokens && depth < depthMax ? tokens.flatMap((token) => render(token, depth + 1)) : [new Text(raw)];
}

function render(token: Token, depth: number): readonly Node[] {
  const inside = () => inline('tokens' in token ? token.tokens : undefined, depth, plainText(token));
  switch (token.type) {
    case 'space':
    case 'def':
      return [];
    case 'paragraph':
      return [h('p', { dir: 'auto' }, ...inside())];
    case 'heading':
      // The host page has an outline of its own.
      return [h('p', { dir: 'auto', class: 'heading' }, ...inside())];
    case 'strong':
    case 'em':
    case 'del':
      return [h(token.type, {}, ...inside())];
    case 'codespan':
      return [h('code', {}, token['text'] as string)];
    case 'code':
      return [h('pre', { tabindex: '0' }, h('code', {}, token['text'] as string))];
    case 'blockquote':
      return [h('blockquote', { dir: 'auto' }, ...inside())];
    case 'list':
      return [list(token as Tokens.List, depth)];
    case 'table':
      return [table(token as Tokens.Table, depth)];
    case 'hr':
      return [h('hr')];
    case 'br':
      return [h('br')];
    case 'link':
      return link(token as Tokens.Link, inside());
    case 'footnote':
      return [h('p', { dir: 'auto', class: 'note' }, h('sup', {}, (token as Footnote).label), ' ', ...inside())];
    case 'footnote-mark':
      return [h('sup', {}, `[${String(token['label'])}]`)];
    case 'checkbox':
      // A real checkbox would need a label and could be clicked.
      return [new Text((token as Tokens.Checkbox).checked ? '☑ ' : '☐ ')];
    case 'image':
      return [new Text((token as Tokens.Image).text)];
    default:
      return inside();
  }
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: '\u{A0}',
  '#39': "'",
};

/** HTML is shown as it was written, but for the entities that models write in running text. */
const plainText = (token: Token): string =>
  token.type === 'escape' || token.type === 'text'
    ? String(token['text']).replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (_, name: string) => entities[name]!)
    : token.raw;

function link({ href, raw }: Tokens.Link, content: readonly Node[]): readonly Node[] {
  if (!/^(https?:\/\/|mailto:)/i.test(href)) return [new Text(raw)];
  return [h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, ...content)];
}

function list({ ordered, start, items }: Tokens.List, depth: number): HTMLElement {
  const children = items.map(({ tokens, raw }) => h('li', { dir: 'auto' }, ...inline(tokens, depth, raw)));
  return ordered ? h('ol', { start: String(start || 1) }, ...children) : h('ul', {}, ...children);
}

function table({ header, rows, align }: Tokens.Table, depth: number): HTMLElement {
  const row = (cells: readonly Tokens.TableCell[], name: 'th' | 'td') =>
    h(
      'tr',
      {},
      ...cells.map((cell, at) =>
        h(name, { class: align[at] ?? undefined, dir: 'auto' }, ...inline(cell.tokens, depth, cell.text)),
      ),
    );
  const body = h('tbody', {}, ...rows.map((cells) => row(cells, 'td')));
  return h('div', { class: 'table', tabindex: '0' }, h('table', {}, h('thead', {}, row(header, 'th')), body));
}
