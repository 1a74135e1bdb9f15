/** The value of an attribute by its local name, `*:name` for one that has a prefix; undefined where there is none. */
export type Attributes = (name: string) => string | undefined;

export interface XmlListener {
  /** @returns `skip` to leave out everything within. */
  open(name: string, attributes: Attributes): 'skip' | undefined | void;
  close?(name: string): void;
  text?(value: string): void;
}

export class XmlError extends Error {}

/** Elements within each other. */
const depthMax = 1_000;

/**
 * Reads well-formed XML from front to back, in time proportional to its length, and tells the listener of elements by their local names.
 * There is no document type here, and so no entities but the five of XML itself: a file that declares some is refused.
 * @throws {@link XmlError}.
 */
export function readXml(source: string, listener: XmlListener): void {
  const open: string[] = [];
  /** Number of elements open while the one that is left out is. */
  let skipped = Infinity;
  const say = (text: string) => {
    if (text !== '' && open.length < skipped) listener.text?.(text);
  };
  for (let at = 0; at < source.length;) {
    const tag = source.indexOf('<', at);
    if (tag !== at) say(unescape(source.slice(at, tag < 0 ? undefined : tag)));
    if (tag < 0) break;
    if (source.startsWith('<!--', tag)) at = after(source, '-->', tag + 4);
    else if (source.startsWith('<![CDATA[', tag)) {
      at = after(source, ']]>', tag + 9);
      say(source.slice(tag + 9, at - 3));
    } else if (source.startsWith('<?', tag)) at = after(source, '?>', tag + 2);
    else if (source.startsWith('<!', tag)) throw new XmlError('a document type');
    else {
      at = endOfTag(source, tag + 1) + 1;
      const inner = source.slice(tag + 1, at - 1);
      if (inner.startsWith('/')) {
        const name = inner.slice(1).trim();
        if (open.pop() !== name) throw new XmlError(`"${name}" was not open`);
        if (open.length + 1 === skipped) skipped = Infinity;
        else if (open.length < skipped) listener.close?.(local(name));
        continue;
      }
      const name = /^[^\s/]+/.exec(inner)?.[0] ?? '';
      const heard = open.length < skipped;
      open.push(name);
      if (open.length > depthMax) throw new XmlError('too deep');
      const skip = heard && listener.open(local(name), attributesOf(inner, name.length)) === 'skip';
      if (inner.endsWith('/')) {
        open.pop();
        if (heard && !skip) listener.close?.(local(name));
      } else if (skip) skipped = open.length;
    }
  }
  if (open.length > 0) throw new XmlError('it ends too early');
}

function after(source: string, end: string, from: number): number {
  const at = source.indexOf(end, from);
  if (at < 0) throw new XmlError('it ends too early');
  return at + end.length;
}

/** The `>` that ends a tag: one within quotes does not. */
function endOfTag(source: string, from: number): number {
  let quote: string | undefined;
  for (let at = from; at < source.length; at++) {
    const letter = source[at]!;
    if (quote !== undefined) {
      if (letter === quote) quote = undefined;
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '>') return at;
    else if (letter === '<') break;
  }
  throw new XmlError('a tag does not end');
}

const attributesOf =
  (tag: string, from: number): Attributes =>
  (wanted) => {
    for (const [, name, double, single] of tag.slice(from).matchAll(/([^\s="'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g))
      if (local(name!) === wanted || (name!.includes(':') && `*:${local(name!)}` === wanted))
        return unescape(double ?? single ?? '');
    return undefined;
  };

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** What is no entity of XML stays as it is. */
function unescape(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x[\da-f]{1,6}|#\d{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole;
    const code = name[1] === 'x' || name[1] === 'X' ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole;
  });
}
