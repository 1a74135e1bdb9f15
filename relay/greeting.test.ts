import { expect, test } from 'vitest';
import { curlFor } from './greeting.ts';

test('the request of the greeting is what it was', () => {
  expect(curlFor('http://localhost:8080', 'tabloom-demo')).toBe(
    `curl -N http://localhost:8080/v1/chat/completions -H 'Content-Type: application/json' ` +
      `-d '{"model":"tabloom-demo","stream":true,"messages":[{"role":"user","content":"What is Tabloom?"}]}'`,
  );
});

test('A12: a name neither leaves its quotes nor moves the cursor', () => {
  const line = curlFor('http://localhost', `x'; rm -rf ~; '\u202E\x1B[2J\r\n"`);
  expect(line).toMatch(/^[\x20-\x7E]*$/);
  expect(line).toContain(String.raw`"model":"x'\''; rm -rf ~; '\''\\u{202e}\\u{1b}[2J\\u{d}\\u{a}\""`);
});
