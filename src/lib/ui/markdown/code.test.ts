import { expect, test } from 'vitest';
import { codeOf } from './code.ts';

test('a fence with its language', () => {
  expect(codeOf('```ts\nconst a = 1;\n```\n\n')).toEqual({ language: 'ts', text: 'const a = 1;' });
  expect(codeOf('~~~~\n~~~\n~~~~')).toEqual({ language: '', text: '~~~' });
});

test('a fence that is still open shows what there is', () => {
  expect(codeOf('```py\nprint(1)\n')).toEqual({ language: 'py', text: 'print(1)\n' });
  expect(codeOf('```\n')).toEqual({ language: '', text: '' });
});

test('an empty fence', () => {
  expect(codeOf('```\n```')).toEqual({ language: '', text: '' });
});

test('anything else is no code block', () => {
  expect(codeOf('text')).toBeUndefined();
  expect(codeOf('``` inline ``` text')).toBeUndefined();
  expect(codeOf('```\na\n```\ntrailing')).toBeUndefined();
});
