import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { wireErrorCodes, wireErrors } from './errors.ts';

/** The page cannot be proven complete, but what it must not forget can be listed. */
const page = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const section = (title: string) => page.split(/^##+ /m).find((part) => part.startsWith(`${title}\n`)) ?? '';

test('every error code stands in its table, with its kind of retry', () => {
  const rows = section('Errors')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const told = new Map<string, string>();
  for (const row of rows) {
    const [codes = '', retries = ''] = row.split('|').slice(1);
    const kinds = retries.split(',').map((kind) => kind.trim());
    [...codes.matchAll(/`([a-z-]+)`/g)].forEach(([, code], i) => told.set(code!, kinds[i] ?? kinds[0]!));
  }
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(wireErrorCodes.map((code) => [code, wireErrors[code].retry])),
  );
});

test.todo('every member of every record and frame is named where the page speaks of it');
test.todo('protocols, the topic and the numbers that a peer must know are there');
