import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { isAway } from './postgres.ts';
import { inTime } from './unavailable.ts';

const failure = (message: string, code?: string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

test.each([
  ['a server that is not there', failure('connect ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED'), true],
  ['a connection that broke', failure('read ECONNRESET', 'ECONNRESET'), true],
  ['one that was ended', failure('Connection terminated unexpectedly'), true],
  ['an administrator’s end', failure('terminating connection due to administrator command', '57P01'), true],
  ['a server that starts', failure('the database system is starting up', '57P03'), true],
  ['too many connections', failure('sorry, too many clients already', '53300'), true],
  ['a standby', failure('cannot execute INSERT in a read-only transaction', '25006'), true],
  ['a server that is silent', failure('Query read timeout'), true],
  ['a row that is there', failure('duplicate key value violates unique constraint', '23505'), false],
  ['a conflict', failure('could not serialize access', '40001'), false],
  ['a cancelled statement', failure('canceling statement due to user request', '57014'), false],
  ['a fault of our own', new TypeError('x is not a function'), false],
])('%s: away %#', (_name, error, expected) => {
  expect(isAway(error)).toBe(expected);
});

test('a read that a request waits for is given up, and its failure stays what it is', async () => {
  const clock = manualClock();
  const silent = inTime(new Promise(() => undefined), clock);
  const told = expect(silent).rejects.toMatchObject({ code: 'ledger-unavailable' });
  await clock.advance(5_000);
  await told;
  expect(await inTime(Promise.resolve('row'), clock)).toBe('row');
  await expect(inTime(Promise.reject(failure('no')), clock)).rejects.toThrow('no');
  expect(clock.nextDueMs).toBe(Number.POSITIVE_INFINITY);
});
