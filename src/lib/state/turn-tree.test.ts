import { expect, test } from 'vitest';
import { childrenOf, linkTurns, newestBelow, pathTo } from './turn-tree.ts';

const turn = (id: string, parent: string | null) => ({ id, parent });
const ids = (turns: readonly { readonly id: string }[]) => turns.map(({ id }) => id).join('');

/** b and c are versions of the second turn; d follows c, and e and f are versions of its successor. */
const tree = [turn('a', null), turn('b', 'a'), turn('c', 'a'), turn('d', 'c'), turn('e', 'd'), turn('f', 'd')];

test.each([
  ['f', 'acdf'],
  ['e', 'acde'],
  ['b', 'ab'],
  ['a', 'a'],
  ['gone', 'acdf'],
  [undefined, 'acdf'],
])('the path to %s is %s', (tip, path) => {
  expect(ids(pathTo(tree, tip))).toBe(path);
});

test('choosing a version leads to the newest turn that follows it', () => {
  const children = childrenOf(tree);
  expect(['a', 'b', 'c', 'e'].map((id) => newestBelow(children, id))).toEqual(['f', 'b', 'f', 'e']);
});

test('turns saved before versions follow each other in order, and newer ones keep what they follow', () => {
  const linked = linkTurns([{ id: 'a' }, { id: 'b' }, { id: 'c', parent: 'a' }, { id: 'd', parent: null }]);
  expect(linked.map(({ parent }) => parent)).toEqual([null, 'a', 'a', null]);
});

test('a turn whose predecessor can no longer be read stays in reach', () => {
  const linked = linkTurns([turn('a', null), turn('c', 'b'), turn('d', 'c')]);
  expect(ids(pathTo(linked, 'd'))).toBe('acd');
});

test('a circle ends', () => {
  const circle = [turn('a', 'b'), turn('b', 'a')];
  expect(ids(pathTo(circle, 'a'))).toBe('ba');
  expect(newestBelow(childrenOf(circle), 'a')).toBe('a');
});
