import { expect, test } from 'vitest';
import { errorCodeSchema, isWireErrorCode, wireError, wireErrorCodes, wireErrors } from './errors.ts';

test('every code passes the wire schema and has a sentence and an HTTP error status', () => {
  for (const code of wireErrorCodes) {
    expect(errorCodeSchema.safeParse(code).success).toBe(true);
    expect(wireErrors[code].message).toMatch(/^[A-Z].*\.$/);
    expect(wireErrors[code].status).toBeGreaterThanOrEqual(400);
    expect(wireErrors[code].status).toBeLessThan(600);
  }
});

test('an error carries the table’s message unless given another', () => {
  expect(wireError('busy')).toMatchObject({ code: 'busy', message: wireErrors.busy.message, details: {} });
  expect(wireError('busy', 'Come back at noon.', { details: { at: 12 } })).toMatchObject({
    message: 'Come back at noon.',
    details: { at: 12 },
  });
});

test('names inherited from the prototype are not codes', () => {
  expect(isWireErrorCode('busy')).toBe(true);
  for (const code of ['toString', 'constructor', '__proto__', '']) expect(isWireErrorCode(code)).toBe(false);
});
