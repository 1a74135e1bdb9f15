import { expect, test } from 'vitest';
import { codeOf } from './code.ts';

test('parses a fence with its language', () => {
  expect(codeOf('```ts\nconst a = 1;\n```\n\n')).toEqual({ language: 'ts', text: 'const a = 1;', state: 'closed' });
  expect(codeOf('~~~~\n~~~\n~~~~')).toEqual({ language: '', text: '~~~', state: 'closed' });
});

test('an open fence yields its content so far', () => {
  expect(codeOf('```py\nprint(1)\n')).toEqual({ language: 'py', text: 'print(1)\n', state: 'open' });
  expect(codeOf('```\n')).toEqual({ language: '', text: '', state: 'open' });
});

test('an empty fence', () => {
  expect(codeOf('```\n```')).toEqual({ language: '', text: '', state: 'closed' });
});

test('anything else is not a code block', () => {
  expect(codeOf('text')).toBeUndefined();
  expect(codeOf('``` inline ``` text')).toBeUndefined();
  expect(codeOf('```\na\n```\ntrailing')).toBeUndefined();
});
