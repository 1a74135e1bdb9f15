import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../tasks/tool.ts';
import { binaryChanges, fieldChange, statementChanges } from './changes.ts';
import { readEquivalents } from './equivalents.ts';
import { rules } from './site.ts';
import { testsOf } from './tests-of.ts';
import { sourceFiles, type Node } from './tree.ts';

const read = (file: string) => readFileSync(join(projectRoot, 'contracts', file), 'utf8');
const flat = (text: string) => text.replaceAll(/\s+/g, ' ');

test('every equivalent has a reason, and the place it names still stands', async () => {
  const shape = new RegExp(`^(\\w+\\.sol):(\\w+): (${rules.join('|')}): (.+) → (.*?)( \\(\\d+\\))?$`);
  const equivalents = await readEquivalents();
  expect(new Set(equivalents.map(({ site }) => site)).size).toBe(equivalents.length);
  for (const { site, reason } of equivalents) {
    const [, file, within, , from] = shape.exec(site) ?? [];
    expect(reason, site).toMatch(/^[A-Z].{20,}\.$/);
    const text = flat(read(file!));
    expect(text, site).toContain(from);
    expect(text, site).toMatch(new RegExp(`(function|modifier) ${within}\\b|${within}\\(`));
  }
});

test('every source has tests that are tried on its mutants', () => {
  const withCode = sourceFiles().filter((file) => !file.startsWith('I') || file === 'Intake.sol');
  expect(Object.keys(testsOf).toSorted()).toEqual([...withCode].toSorted());
});

const node = (fields: object): Node => ({ nodeType: 'Any', src: '0:0:0', ...fields });
const text = (of: Node) => String(of['text']);
const word = (name: string) => node({ text: name });

test('the rules make the changes they say', () => {
  const binary = (operator: string) =>
    binaryChanges(node({ operator, leftExpression: word('a'), rightExpression: word('b') }), text).map(({ to }) => to);
  expect(['<', '<=', '>', '>=', '==', '!='].map((operator) => binary(operator)[0])).toEqual([
    'a <= b',
    'a < b',
    'a >= b',
    'a > b',
    'a != b',
    'a == b',
  ]);
  expect(binary('/')).toEqual(['(a) * (b)', '((a) + (b) - 1) / (b)']);
  expect(binary('&&')).toEqual(['(a) || (b)']);
  const added = node({ nodeType: 'Assignment', operator: '+=', leftHandSide: word('a'), rightHandSide: word('b') });
  expect(statementChanges(node({ expression: added }), text).map(({ to }) => to)).toEqual(['', 'a -= b;']);
  const field = (typeString: string) => fieldChange(node({ typeDescriptions: { typeString }, text: 'a' }), text)?.to;
  expect(field('uint48')).toBe('uint48(a) ^ 1');
  expect(field('enum IChannels.Closing')).toBe('Closing(uint8(a) == 0 ? 1 : uint8(a) - 1)');
  expect(field('struct IChannels.Channel calldata')).toBeUndefined();
});
