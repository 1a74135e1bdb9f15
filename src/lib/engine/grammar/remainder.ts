import type { Expression, Grammar } from './grammar.ts';

/** What is still to come: the first expression, then the rest. `undefined`: nothing. */
type Stack = { readonly head: Expression; readonly rest: Stack } | undefined;

/** Ways to read a beginning that are looked at side by side; a grammar with more is too ambiguous to go on with. */
const waysMax = 256;

/**
 * The grammar of what may follow `beginning`, so that an answer can be gone on with under the grammar it began under.
 * Undefined where no text of the grammar begins so. Algorithm: the derivative of a language, by stacks of what is to come.
 */
export function remainder(grammar: Grammar, beginning: string): Grammar | undefined {
  const stacks = read(grammar, beginning);
  if (!stacks) return undefined;
  return { root: { any: stacks.map((stack) => ({ all: listed(stack) })) }, rules: grammar.rules };
}

/** Whether `text` is a whole text of the grammar. */
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

/** The same ways, each up to its next character or its end; undefined where there are too many. */
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
