import { expect, test } from 'vitest';
import { createLogger } from './log.ts';

test('A12: a line of the log holds nothing that a terminal acts on, and still is JSON of the same', () => {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line) => lines.push(line) });
  const model = 'gpt\u202Egnp\u200B\0\r\n{"level":60}\x1B[2J\x9B31m../../';
  log.info('model-listed', { model, nested: { peers: [model] }, error: new Error(model) });
  expect(lines).toHaveLength(1);
  const [line] = lines as [string];
  expect(line.slice(0, -1)).toMatch(/^[\x20-\x7E]*$/);
  expect(line.endsWith('}\n')).toBe(true);
  expect(JSON.parse(line)).toMatchObject({ event: 'model-listed', model, nested: { peers: [model] } });
});
