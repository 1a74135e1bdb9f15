import { expect, test } from 'vitest';
import { assertBrowserSupport } from './browser-support.ts';

test('a browser with 64-bit memory passes, as does this Node', () => {
  expect(() => assertBrowserSupport(WebAssembly)).not.toThrow();
});

test('a browser without it gets a message with supported browsers', () => {
  expect(() => assertBrowserSupport({ validate: () => false })).toThrowError(
    expect.objectContaining({ code: 'load-failed' }),
  );
});
