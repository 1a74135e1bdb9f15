import type { Mutant } from '../mutant.ts';
import { awake } from './weave.ts';

/** A planted fault that sleeps in the sources until its number is called. */
export interface Sleeper {
  readonly id: number;
  readonly mutant: Mutant;
}

/**
 * Plants as many of these faults together as can be told apart by text alone: whole statements, conditions, and what a variable begins
 * with. The others have to be compiled one by one. @param read of a file below `contracts/`.
 */
export function plant(
  mutants: readonly Mutant[],
  read: (file: string) => string,
): { readonly sleepers: readonly Sleeper[]; readonly texts: ReadonlyMap<string, string> } {
  const places = new Map<string, Sleeper[]>();
  mutants.forEach((mutant, index) => {
    const place = `${mutant.file}: ${mutant.from}`;
    places.set(place, [...(places.get(place) ?? []), { id: index + 1, mutant }]);
  });
  const sleepers: Sleeper[] = [];
  const texts = new Map<string, string>();
  for (const here of places.values()) {
    const { file, from } = here[0]!.mutant;
    const text = texts.get(file) ?? read(file);
    const to = choosing(from, here, text.slice(0, text.indexOf(from)));
    // A place that another has changed already, or that is not the only one.
    if (to === null || text.split(from).length !== 2) continue;
    texts.set(
      file,
      text.replace(from, () => to),
    );
    sleepers.push(...here);
  }
  for (const [file, text] of texts) texts.set(file, text + awake);
  return { sleepers, texts };
}

const variable = /^(\w+ \w+) = ([^;]*);$/;
const head = /^if \(([^;]*)\) \{$/;
const statements = /^\s*(?!(?:uint256|address|bytes32|bool)\b)[\s\S]*;\s*$/;

function choosing(from: string, sleepers: readonly Sleeper[], before: string): string | null {
  for (const shape of [variable, head]) {
    const [, name, inner] = shape === head ? ['', '', head.exec(from)?.[1]] : (variable.exec(from) ?? []);
    if (inner === undefined) continue;
    const chosen = sleepers.map(({ id, mutant }) => {
      const other = shape.exec(mutant.to);
      const isAlike = other && (shape === head || other[1] === name);
      return isAlike ? `_awake(${id}) ? (${other.at(-1)}) : ` : null;
    });
    if (chosen.includes(null)) return null;
    const value = `${chosen.join('')}(${inner})`;
    return shape === head ? `if (${value}) {` : `${name} = ${value};`;
  }
  const isWhole = statements.test(from) && sleepers.every(({ mutant }) => isBalanced(mutant.to)) && isBalanced(from);
  if (!isWhole || !endsStatement(before)) return null;
  return `${sleepers.map(({ id, mutant }) => `if (_awake(${id})) { ${mutant.to} } else `).join('')}{ ${from} }`;
}

/** What follows is not the end of a statement that began in it. */
const endsStatement = (before: string): boolean => /(?:[;{}]|\/\/[^\n]*\n)\s*$/.test(before);

function isBalanced(text: string): boolean {
  const count = (sign: string) => text.split(sign).length;
  return count('{') === count('}') && count('(') === count(')');
}
