import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import {
  fieldsOf,
  fillPrompt,
  findPrompts,
  promptOf,
  promptsMax,
  promptsToJson,
  readPrompts,
  withPrompts,
  type Prompt,
} from './prompts.ts';

const prompts: readonly Prompt[] = [
  { name: 'Letter', text: 'Write a letter to {{whom}} about {{topic}}. Mention {{ topic }} twice.' },
  { name: 'Summarise', text: 'Summarise this in three sentences.' },
];
const codeOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return errorCode(error);
  }
  return undefined;
};

test('each field is asked for once, and filled wherever it stands', () => {
  const { text } = prompts[0]!;
  expect(fieldsOf(text)).toEqual(['whom', 'topic']);
  expect(fillPrompt(text, new Map([['topic', 'the $1 weather']]))).toBe(
    'Write a letter to  about the $1 weather. Mention the $1 weather twice.',
  );
  expect(fieldsOf('{{text | textarea:placeholder="here"}} and {{}} and {{ }} and {one}')).toEqual(['text']);
  expect(fillPrompt('{{text | textarea}}', new Map([['text', 'a {{b}}']]))).toBe('a {{b}}');
});

test('what stands beyond the fields that are asked for stays as it is written', () => {
  const text = Array.from({ length: 25 }, (_, index) => `{{f${index}}}`).join('');
  expect(fieldsOf(text)).toHaveLength(20);
  expect(fillPrompt(text, new Map([['f0', 'a']]))).toBe('a{{f20}}{{f21}}{{f22}}{{f23}}{{f24}}');
});

test('found by words of the name, then of the text', () => {
  expect(findPrompts(prompts, '').map(({ name }) => name)).toEqual(['Letter', 'Summarise']);
  expect(findPrompts(prompts, 'SUMM').map(({ name }) => name)).toEqual(['Summarise']);
  expect(findPrompts(prompts, 'three').map(({ name }) => name)).toEqual(['Summarise']);
  expect(findPrompts(prompts, 'e').map(({ name }) => name)).toEqual(['Letter', 'Summarise']);
  expect(findPrompts(prompts, 'etc/hosts')).toEqual([]);
});

test('what is exported is read again, and what Open WebUI exports', () => {
  expect(readPrompts(promptsToJson(prompts))).toEqual(prompts);
  const file = [
    { command: '/old', user_id: 'u', title: 'Old form', content: 'Say {{what}}', timestamp: 1, access_control: null },
    { command: 'new', name: 'New form', content: 'Do', tags: [], is_active: true },
    { command: '/only', title: '', content: 'By its command' },
    { command: 'blank', content: '  ' },
    { note: 'something else' },
  ];
  expect(readPrompts(JSON.stringify(file))).toEqual([
    { name: 'Old form', text: 'Say {{what}}' },
    { name: 'New form', text: 'Do' },
    { name: 'only', text: 'By its command' },
  ]);
  expect(readPrompts(JSON.stringify(file[1]))).toEqual([{ name: 'New form', text: 'Do' }]);
});

test.each(['', '{', '[]', '{"tabloom":"prompts","version":2,"prompts":[]}', '[{"chat":{}}]'])(
  'a file without prompts: %s',
  (text) => expect(codeOf(() => readPrompts(text))).toBe('prompts-unreadable'),
);

test('a name is one prompt, in the order of names, and there is room for so many', () => {
  const next = withPrompts(prompts, [
    { name: 'Letter', text: 'Shorter' },
    { name: 'Argue', text: 'Against me' },
  ]);
  expect(next).toEqual([{ name: 'Argue', text: 'Against me' }, { name: 'Letter', text: 'Shorter' }, prompts[1]]);
  const many = Array.from({ length: promptsMax - 1 }, (_, index) => ({ name: `p${index}`, text: 'x' }));
  expect(codeOf(() => withPrompts(many, prompts))).toBe('too-many-prompts');
});

test('a prompt has a name and a text, neither longer than is kept', () => {
  expect(promptOf('  a \n b ', ' text\n')).toEqual({ name: 'a b', text: 'text' });
  expect(promptOf(' ', 'text')).toBeUndefined();
  expect(promptOf('name', ' ')).toBeUndefined();
  expect(promptOf('n'.repeat(100), 't'.repeat(10_000))).toEqual({ name: 'n'.repeat(60), text: 't'.repeat(8_000) });
});
