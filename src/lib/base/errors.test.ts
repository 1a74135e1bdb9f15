import { expect, test } from 'vitest';
import { errorCode, fromErrorRecord, TabloomError, toErrorRecord } from './errors.ts';

test('the code of anything thrown', () => {
  expect(errorCode(new TabloomError('too-long', 'Shorten it.'))).toBe('too-long');
  expect(errorCode({ code: 'plain-object' })).toBe('plain-object');
  expect(errorCode(new DOMException('', 'AbortError'))).toBe('aborted');
  expect(errorCode(new DOMException('', 'TimeoutError'))).toBe('aborted');
  for (const other of [new Error('x'), { code: 'ECONNRESET' }, { code: 7 }, 'text', null, undefined]) {
    expect(errorCode(other)).toBe('internal');
  }
});

test('a record goes around the world and comes back, without stack and cause', () => {
  const error = new TabloomError('too-long', 'Shorten it.', { details: { bytes: 9 }, cause: new Error('secret') });
  const record = toErrorRecord(error);
  expect(record).toEqual({ code: 'too-long', message: 'Shorten it.', details: { bytes: 9 } });
  const back = fromErrorRecord(structuredClone(record));
  expect(back).toMatchObject(record);
  expect(back.cause).toBeUndefined();
  expect(toErrorRecord(new TabloomError('a', 'b'))).toEqual({ code: 'a', message: 'b' });
  expect(toErrorRecord('text')).toEqual({ code: 'internal', message: 'text' });
  expect(fromErrorRecord({ code: 'a', message: 'b' }).details).toEqual({});
});
