import { expect, test } from 'vitest';
import { assertBrowserSupport } from './browser-support.ts';

test('a browser with 64-bit memories passes, as this Node does', () => {
  expect(() => assertBrowserSupport(WebAssembly)).not.toThrow();
});

test('a browser without is told which to use', () => {
  expect(() => assertBrowserSupport({ validate: () => false })).toThrowError(
    expect.objectContaining({ code: 'load-failed' }),
  );
});
