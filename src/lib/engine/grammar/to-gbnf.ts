import type { CharRange, Expression, Grammar } from './grammar.ts';

/**
 * The grammar in llama.cpp's GBNF notation, see grammars/README.md of llama.cpp. Each repeated group gets its own rule,
 * because llama.cpp expands repetitions by copying their content.
 */
export function toGbnf({ root, rules }: Grammar): string {
  const lines: string[] = [];
  const nameOf = (rule: string) => `r-${rule}`;

  const write = (expression: Expression): string => {
    if ('text' in expression) return quote(expression.text);
    if ('chars' in expression) return `[${expression.chars.map(range).join('')}]`;
    if ('rule' in expression) return nameOf(expression.rule);
    if ('all' in expression) {
      const parts = expression.all.map(write).filter((part) => part !== '""');
      return parts.length === 0 ? '""' : parts.join(' ');
    }
    if ('any' in expression) return `( ${expression.any.map(write).join(' | ')} )`;
    const { of, min, max } = expression;
    if (max === 0) return '""';
    return write('chars' in of || 'rule' in of ? of : { rule: hoist(of) }) + times(min, max);
  };
  const hoist = (expression: Expression): string => {
    const name = `part-${lines.length}`;
    const at = lines.push('') - 1;
    lines[at] = `${nameOf(name)} ::= ${write(expression)}`;
    return name;
  };
  for (const [name, expression] of rules) {
    const at = lines.push('') - 1;
    lines[at] = `${nameOf(name)} ::= ${write(expression)}`;
  }
  return [`root ::= ${write(root)}`, ...lines].join('\n');
}

function times(min: number, max: number | undefined): string {
  if (min === 1 && max === 1) return '';
  if (max === undefined) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

const quote = (text: string): string => `"${[...text].map((char) => escape(char.codePointAt(0)!)).join('')}"`;
const range = ([from, to]: CharRange): string => (from === to ? escape(from) : `${escape(from)}-${escape(to)}`);

/** Letters, digits and the space verbatim, everything else as a numeric escape. */
function escape(point: number): string {
  const char = String.fromCodePoint(point);
  if (/^[A-Za-z0-9 ]$/.test(char)) return char;
  const hex = point.toString(16);
  if (point < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return point < 0x1_0000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
