import { expect, test } from 'vitest';
import { alter } from './branches.ts';

const pragma = 'pragma solidity 0.8.37;\n';

test('every condition becomes a call with one line per outcome', () => {
  const source = `${pragma}contract C { function f(bool a, bool b) external pure returns (uint256) {
    if (a && b) return 1;
    return b ? 2 : 3;
  } }\n`;
  const { text, branches, hasCode } = alter('C.sol', source);
  expect(hasCode).toBe(true);
  expect(branches.map(({ line, condition }) => [line, condition])).toEqual([
    [3, 'a && b'],
    [3, 'a'],
    [4, 'b'],
  ]);
  expect(text).toContain('if (_branch0(_branch1(a) && b)) return 1;');
  expect(text.split('\n')[branches[2]!.lines.fails - 1]).toBe('c = false;');
});

test('only interfaces may be missing from a report, as they have nothing to cover', () => {
  expect(alter('I.sol', `${pragma}interface I { function f() external; }`).hasCode).toBe(false);
  expect(alter('L.sol', `${pragma}library L { function f() internal pure {} }`).hasCode).toBe(true);
});
