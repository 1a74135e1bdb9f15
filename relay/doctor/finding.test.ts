import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { causeOf, checkLimitMs, fail, ok, runChecks, skipped, warn, type Finding } from './finding.ts';
import { isFine, writeJson, writeReport } from './report.ts';

test('checks run at once, each within its time, and a broken one spoils no other', async () => {
  const clock = manualClock();
  const signals: AbortSignal[] = [];
  const findings = runChecks(
    [
      { id: 'hangs', run: (signal) => (signals.push(signal), new Promise(() => undefined)) },
      { id: 'breaks', run: () => Promise.reject(new Error('postgres://me:secret@db')) },
      { id: 'fine', run: async () => ok('Here.') },
    ],
    clock,
  );
  await clock.advance(checkLimitMs - 1);
  expect(signals[0]!.aborted).toBe(false);
  await clock.advance(1);
  expect(await findings).toEqual([
    { id: 'hangs', state: 'fail', what: 'No answer within 4 s.', do: expect.any(String) },
    { id: 'breaks', state: 'fail', what: 'It could not be checked: internal.', do: expect.any(String) },
    { id: 'fine', state: 'ok', what: 'Here.' },
  ]);
  expect(signals[0]!.aborted).toBe(true);
});

test('the cause is the code of the system', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  expect(causeOf(new TypeError('fetch failed', { cause: refused }))).toBe('ECONNREFUSED');
  expect(causeOf(new TypeError('fetch failed', { cause: new AggregateError([refused]) }))).toBe('ECONNREFUSED');
  expect(causeOf('text')).toBe('internal');
});

const findings: readonly Finding[] = [
  { id: 'a', ...ok('Good.') },
  { id: 'bcd', ...fail('Broken\u001b[2J.', 'Mend it.') },
  { id: 'e', ...skipped('Not asked.') },
  { id: 'f', ...warn('Worn.', 'Oil it.') },
];

test('what is wrong comes first, with what to do, and nothing moves the cursor', () => {
  expect(writeReport(findings)).toMatchInlineSnapshot(`
    "fail     bcd  Broken\\u{1b}[2J.
                  Mend it.
    warn     f    Worn.
                  Oil it.
    ok       a    Good.
    skipped  e    Not asked.

    1 problem, 1 to look at.
    "
  `);
  expect(JSON.parse(writeJson(findings))).toEqual({ ok: false, findings });
  expect([isFine(findings), isFine(findings.slice(2))]).toEqual([false, true]);
});
