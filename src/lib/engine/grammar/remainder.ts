import type { Expression, Grammar } from './grammar.ts';

/** Expressions still to be matched, as a linked list; `undefined` when nothing is left. */
type Stack = { readonly head: Expression; readonly rest: Stack } | undefined;

/** Parses of a prefix that are tracked in parallel; a grammar with more is too ambiguous to resume. */
const waysMax = 256;

/**
 * The grammar of what may follow `beginning`, so that an answer can be resumed under the grammar it started with.
 * Undefined if no text of the grammar starts that way. Algorithm: the derivative of a language (Brzozowski), computed
 * on sets of parse stacks.
 */
export function remainder(grammar: Grammar, beginning: string): Grammar | undefined {
  const stacks = read(grammar, beginning);
  if (!stacks) return undefined;
  return { root: { any: stacks.map((stack) => ({ all: listed(stack) })) }, rules: grammar.rules };
}

/** Whether the grammar matches all of `text`. */
export const accepts = (grammar: Grammar, text: string): boolean =>
  read(grammar, text)?.some((stack) => stack === undefined) ?? false;

function read({ root, rules }: Grammar, text: string): readonly Stack[] | undefined {
  let stacks = expand([{ head: root, rest: undefined }], rules);
  for (const char of text) {
    const after = stacks?.flatMap((stack) => step(stack, char));
    stacks = after && after.length > 0 ? expand(after, rules) : undefined;
    if (!stacks) return undefined;
  }
  return stacks;
}

/** Expands each stack up to its next character or its end; undefined if there are too many. */
function expand(stacks: readonly Stack[], rules: Grammar['rules']): readonly Stack[] | undefined {
  const open = [...stacks];
  const ready = new Set<Stack>();
  for (let steps = 0; open.length > 0; steps++) {
    if (steps > 64 * waysMax || ready.size > waysMax) return undefined;
    const stack = open.pop();
    if (!stack) {
      ready.add(undefined);
      continue;
    }
    const { head, rest } = stack;
    if ('chars' in head || ('text' in head && head.text !== '')) ready.add(stack);
    else if ('text' in head) open.push(rest);
    else if ('rule' in head) open.push({ head: rules.get(head.rule)!, rest });
    else if ('all' in head) open.push(head.all.reduceRight<Stack>((after, one) => ({ head: one, rest: after }), rest));
    else if ('any' in head) open.push(...head.any.map((one) => ({ head: one, rest })));
    else {
      const { of, min, max } = head;
      const again = { of, min: Math.max(0, min - 1), max: max === undefined ? undefined : max - 1 };
      if (min === 0) open.push(rest);
      if (max !== 0) open.push({ head: of, rest: { head: again, rest } });
    }
  }
  return [...ready];
}

function step(stack: Stack, char: string): readonly Stack[] {
  if (!stack) return [];
  const { head, rest } = stack;
  if ('text' in head) {
    return head.text.startsWith(char) ? [{ head: { text: head.text.slice(char.length) }, rest }] : [];
  }
  const point = char.codePointAt(0)!;
  return 'chars' in head && head.chars.some(([from, to]) => point >= from && point <= to) ? [rest] : [];
}

function listed(stack: Stack): readonly Expression[] {
  const list: Expression[] = [];
  for (let at = stack; at; at = at.rest) list.push(at.head);
  return list;
}
