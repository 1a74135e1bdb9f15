import { expect, test } from 'vitest';
import type { Mutant } from '../mutant.ts';
import { plant } from './plant.ts';

const source = `contract A {
    function f(uint256 n) external {
        uint256 half = n / 2;
        // Check
        if (n == 0) revert Zero();
        if (n > 9) {
            total = half;
        }
        limit = n == 1
            ? half
            : Math.max(n, 3);
    }
}
`;
const mutant = (from: string, to: string): Mutant => ({
  name: `${from} to ${to}`,
  breaks: 'I1',
  file: 'A.sol',
  from,
  to,
  test: 'A.t.sol',
  caughtBy: 'test_a',
});
const planted = (...mutants: readonly Mutant[]) => {
  const { sleepers, texts } = plant(mutants, () => source);
  return { ids: sleepers.map(({ id }) => id), text: texts.get('A.sol') ?? '' };
};

test('statements, conditions and what a variable begins with are chosen by which mutant is awake', () => {
  const { ids, text } = planted(
    mutant('if (n == 0) revert Zero();', ''),
    mutant('if (n == 0) revert Zero();', 'if (n == 1) revert Zero();'),
    mutant('if (n > 9) {', 'if (n > 8) {'),
    mutant('uint256 half = n / 2;', 'uint256 half = n;'),
  );
  expect(ids).toEqual([1, 2, 3, 4]);
  expect(text).toContain(
    'if (_awake(1)) {  } else if (_awake(2)) { if (n == 1) revert Zero(); } else { if (n == 0) revert Zero(); }',
  );
  expect(text).toContain('if (_awake(3) ? (n > 8) : (n > 9)) {');
  expect(text).toContain('uint256 half = _awake(4) ? (n) : (n / 2);');
  expect(text.match(/function _awake/g)).toHaveLength(1);
});

test.each([
  ['the end of a statement', ': Math.max(n, 3);', ': 3;'],
  ['a part of an expression', 'Math.max(n, 3);', '3;'],
  ['another shape', 'uint256 half = n / 2;', 'total = n;'],
  ['what is not there', 'total = 7;', ''],
  ['half a block', 'if (n > 9) {', 'total = 1; if (n > 9) {'],
])('%s is left to be tried alone', (_, from, to) => {
  expect(planted(mutant(from, to))).toEqual({ ids: [], text: '' });
});
