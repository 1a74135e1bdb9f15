import { expect, test } from 'vitest';
import { bestGroups, type PaletteRow } from './palette-rows.ts';

const row = (label: string, change: Partial<PaletteRow> = {}): PaletteRow => ({
  value: label,
  icon: 'chat',
  label,
  run: () => undefined,
  ...change,
});
const groups = [
  { heading: 'Pages', rows: [row('Chat'), row('Doctor', { note: 'What works here and what does not' })] },
  { heading: 'Models', rows: [row('Qwen3 4B'), row('Tabloom demo', { words: ['tabloom-demo'] })] },
  { heading: 'History', rows: [row('Tablets and demons')] },
];
const found = (query: string) =>
  bestGroups(query, groups).map(({ heading, rows }) => [heading, ...rows.map(({ label }) => label)]);

test('without a query everything is there, in its order', () => {
  expect(found(' ')).toEqual([
    ['Pages', 'Chat', 'Doctor'],
    ['Models', 'Qwen3 4B', 'Tabloom demo'],
    ['History', 'Tablets and demons'],
  ]);
});

test('the best match comes first, in the best group, and what does not match is left out', () => {
  expect(found('Tabloom demo')).toEqual([['Models', 'Tabloom demo']]);
  expect(found('tabl dem').map(([heading]) => heading)).toEqual(['Models', 'History']);
  expect(found('doctor')).toEqual([['Pages', 'Doctor']]);
  expect(found('tabloom-demo')[0]).toEqual(['Models', 'Tabloom demo']);
  expect(found('does not')).toEqual([['Pages', 'Doctor']]);
  expect(found('zebra')).toEqual([]);
});

test('of many the best fifty are shown, wherever they stand', () => {
  const rows = Array.from({ length: 200 }, (_, index) => row(index === 199 ? 'treasure' : `talk ${index}`));
  expect(bestGroups('', [{ heading: 'History', rows }])[0]!.rows).toHaveLength(50);
  expect(bestGroups('treasure', [{ heading: 'History', rows }])[0]!.rows[0]!.label).toBe('treasure');
});
