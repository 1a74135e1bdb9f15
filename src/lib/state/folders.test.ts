import { expect, test } from 'vitest';
import { folderLengthMax, folderName, toFolders } from './folders.ts';

const record = (id: string, folder?: string) => ({ id, title: id, createdAt: 0, updatedAt: 0, turns: 1, folder });
const names = (...records: ReturnType<typeof record>[]) =>
  toFolders(records).map(({ name, conversations }) => [name, conversations.map(({ id }) => id)]);

test('folders come by name, and what is in none comes last, each in the order given', () => {
  const records = [
    record('a', 'Work 10'),
    record('b'),
    record('c', 'Home'),
    record('d', 'Work 2'),
    record('e', 'Home'),
  ];
  expect(names(...records)).toEqual([
    ['Home', ['c', 'e']],
    ['Work 2', ['d']],
    ['Work 10', ['a']],
    [undefined, ['b']],
  ]);
});

test('without folders there is one group, and without conversations none', () => {
  expect(names(record('a'), record('b'))).toEqual([[undefined, ['a', 'b']]]);
  expect(names()).toEqual([]);
});

test('a name is on one line and of limited length, and a blank one is none', () => {
  expect(folderName('  Home \n and  garden ')).toBe('Home and garden');
  expect(folderName(' \t')).toBeUndefined();
  expect(folderName('x'.repeat(99))).toHaveLength(folderLengthMax);
  expect(folderName(`${'x'.repeat(59)} y`)).toBe('x'.repeat(59));
});
