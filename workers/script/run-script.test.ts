import { beforeAll, expect, test } from 'vitest';
import { createScriptRunner, type ScriptLimits, type ScriptOutcome } from './run-script.ts';

/** Each look at the clock takes a millisecond, so that what is too slow is the same on every machine. */
let run: (code: string, limits?: ScriptLimits) => ScriptOutcome;
beforeAll(async () => {
  let at = 0;
  run = await createScriptRunner(undefined, () => at++);
});

const small: ScriptLimits = { timeMs: 50, memoryBytes: 4 * 1024 * 1024 };

test('gives what is logged and the value of the last expression', () => {
  expect(run('console.log("a", 1, {b: 2}); [1, 2, 3].map((n) => n * 2)')).toEqual({
    outcome: 'done',
    text: 'a 1 {"b":2}\n→ [2,4,6]',
  });
  expect(run('2n ** 70n')).toEqual({ outcome: 'done', text: '→ 1180591620717411303424n' });
  expect(run('(async () => 7)()')).toEqual({ outcome: 'done', text: '→ 7' });
  expect(run('')).toEqual({ outcome: 'done', text: '→ undefined' });
});

test('an error is an outcome', () => {
  expect(run('console.log(1); x.y')).toEqual({
    outcome: 'failed',
    text: "1\nReferenceError: 'x' is not defined",
  });
  expect(run('let = 1 1')).toMatchObject({ outcome: 'failed', text: expect.stringContaining('SyntaxError') });
  expect(run('Promise.reject(new Error("no"))')).toEqual({ outcome: 'failed', text: 'Error: no' });
  expect(run('new Promise(() => {})')).toMatchObject({ outcome: 'failed' });
});

test('there is no network, page, file or timer, and nothing is left for the next script', () => {
  const names = ['fetch', 'XMLHttpRequest', 'WebSocket', 'importScripts', 'postMessage', 'self', 'process', 'require'];
  expect(run(`[${[...names, 'setTimeout'].map((name) => `typeof ${name}`).join()}].join()`).text).toBe(
    `→ ${Array(names.length + 1)
      .fill('undefined')
      .join()}`,
  );
  run('globalThis.kept = 1');
  expect(run('typeof kept').text).toBe('→ undefined');
  expect(run('import("https://example.com/x.js")').outcome).toBe('failed');
});

test('what never ends is stopped, and the next script runs', () => {
  expect(run('console.log("begun"); for (;;) {}', small)).toEqual({ outcome: 'too-slow', text: 'begun' });
  expect(run('const again = () => Promise.resolve().then(again); again()', small).outcome).toBe('too-slow');
  expect(run('try { for (;;) {} } finally { for (;;) {} }', small).outcome).toBe('too-slow');
  expect(run('1').text).toBe('→ 1');
});

test('memory and stack are bounded', () => {
  expect(run('new ArrayBuffer(8_000_000)', small)).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('out of memory'),
  });
  expect(run('const deep = () => deep(); deep()').outcome).toBe('failed');
  expect(run('for (let i = 0; i < 3000; i++) console.log("xxxxxxxxxx")').text.length).toBeLessThan(20_100);
});
