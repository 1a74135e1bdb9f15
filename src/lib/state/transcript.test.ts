import { expect, test } from 'vitest';
import { utf8Encode } from '#lib/base/bytes.ts';
import { initialJob } from '#lib/peer/session/job-state.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import { fromShareLink, toShareLink } from './share-link.ts';
import { readTranscripts, toJson, toMarkdown, toSaved, toTranscript } from './transcript.ts';
import type { Saved, Transcript } from './transcript-spec.ts';

const id = (digit: string) => digit.repeat(32);
const saved: Saved = {
  record: {
    id: id('1'),
    title: 'Looms',
    createdAt: 1,
    updatedAt: 3,
    turns: 3,
    tip: id('c'),
    options: { system: 'Be brief.' },
  },
  turns: [
    ['a', null, 'What is a loom?', 'A machine for weaving.'],
    ['b', 'a', 'Who made it?', 'Nobody knows.'],
    ['c', 'a', 'How old\nis it?', 'Eight thousand years.'],
  ].map(([own, parent, question, text], index) => ({
    id: id(own!),
    parent: parent && id(parent),
    question: question!,
    askedAt: index + 1,
    answer: { ...initialJob, phase: 'finished', text: text! },
    leftOut: 0,
  })),
};

test('an export of everything comes back with every version, the same id and what was on screen', () => {
  const [transcript] = readTranscripts(toJson([toTranscript(saved, 'all')]));
  const again = toSaved(transcript!);
  expect(again.record).toMatchObject({
    id: id('1'),
    title: 'Looms',
    tip: id('c'),
    turns: 3,
    options: { system: 'Be brief.' },
  });
  expect(
    again.turns.map(({ id: own, parent, question, answer, askedAt }) => [own, parent, question, answer.text, askedAt]),
  ).toEqual(
    saved.turns.map(({ id: own, parent, question, answer, askedAt }) => [own, parent, question, answer.text, askedAt]),
  );
});

test('an export of everything holds the folder, the tags and what is put away, and what is given away does not', () => {
  const place = { folder: 'Home', tags: ['garden', 'work'], archived: true } as const;
  const inFolder: Saved = { ...saved, record: { ...saved.record, ...place } };
  const [transcript] = readTranscripts(toJson([toTranscript(inFolder, 'all')]));
  expect(toSaved(transcript!).record).toMatchObject(place);
  for (const name of Object.keys(place)) expect(toTranscript(inFolder, 'path')).not.toHaveProperty(name);
  expect(toSaved({ ...transcript!, tags: [' Two words ', ''], archived: false }).record).toMatchObject({
    tags: ['two-words'],
  });
  expect(toSaved({ ...transcript!, folder: ' ' }).record).not.toHaveProperty('folder');
});

test('Markdown is what is on screen', () => {
  expect(toMarkdown(toTranscript(saved, 'path'))).toBe(
    '# Looms\n\n## What is a loom?\n\nA machine for weaving.\n\n## Question\n\nHow old\nis it?\n\nEight thousand years.\n',
  );
});

test('a link holds the conversation, and a damaged one is refused', async () => {
  const transcript = JSON.parse(JSON.stringify(toTranscript(saved, 'path'))) as Transcript;
  const link = await toShareLink(transcript, 'https://relay.example.org');
  expect(link).toMatch(/^https:\/\/relay\.example\.org\/shared#v1\.[\w-]+$/);
  const { hash } = new URL(link);
  expect(await fromShareLink(hash)).toEqual(transcript);
  for (const bad of ['', '#v1.', '#v2.abcd', hash.slice(0, -20), '#v1.%%', `#v1.${btoa('no')}`])
    await expect(fromShareLink(bad)).rejects.toMatchObject({ code: 'link-unreadable' });
  const random = Array.from({ length: 2_500 }, (_, i) => hashBytes(utf8Encode(String(i)))).join('');
  const long = { ...transcript, turns: [{ ...transcript.turns[0]!, answer: random }] };
  const tooLong = toShareLink(long, 'https://relay.example.org');
  await expect(tooLong).rejects.toMatchObject({ code: 'link-too-long' });
});

test('a link that unpacks to more than a browser should hold is refused', async () => {
  const bomb = new Blob(['0'.repeat(9_000_000)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = Buffer.from(await new Response(bomb).arrayBuffer());
  await expect(fromShareLink(`#v1.${bytes.toString('base64url')}`)).rejects.toMatchObject({ code: 'link-unreadable' });
});

test('ChatGPT: versions, tool calls and questions without an answer are read', () => {
  const message = (role: string, text: string | undefined, at: number) => ({
    author: { role },
    create_time: at,
    content: { content_type: 'text', parts: text === undefined ? [{ image: 1 }] : [text] },
    metadata: { model_slug: 'gpt' },
  });
  const exported = [
    {
      conversation_id: 'abc',
      title: 'Sea',
      create_time: 1,
      current_node: 'a2',
      mapping: {
        root: { parent: null, message: null },
        s: { parent: 'root', message: message('system', '', 1) },
        q1: { parent: 's', message: message('user', 'How deep?', 2) },
        a1: { parent: 'q1', message: message('assistant', 'Very.', 3) },
        t: { parent: 'q1', message: message('tool', 'depth()', 3) },
        a2: { parent: 't', message: message('assistant', 'Eleven km.', 4) },
        q2: { parent: 'a1', message: message('user', 'Sure?', 5) },
      },
    },
    { unknown: true },
  ];
  const [transcript, ...others] = readTranscripts(JSON.stringify(exported));
  expect(others).toEqual([]);
  expect(transcript!.turns.map(({ id: own, parent, question, answer }) => [own, parent, question, answer])).toEqual([
    ['a1', null, 'How deep?', 'Very.'],
    ['a2', null, 'How deep?', 'Eleven km.'],
    ['q2', 'a1', 'Sure?', ''],
  ]);
  const first = toSaved(transcript!);
  expect(first.record).toMatchObject({ title: 'Sea', tip: first.turns[1]!.id });
  expect(toSaved(transcript!)).toEqual(first);
  expect(first.turns.every((turn) => /^[0-9a-f]{32}$/.test(turn.id))).toBe(true);
});

test('Open WebUI: the tree and the instructions are read', () => {
  const chat = {
    id: 'w',
    title: 'Outer',
    archived: true,
    meta: { tags: ['cooking'] },
    chat: {
      title: 'Bread',
      system: 'Be a baker.',
      history: {
        currentId: 'a1',
        messages: {
          q1: { id: 'q1', parentId: null, role: 'user', content: 'Flour?', timestamp: 10 },
          a1: { id: 'a1', parentId: 'q1', role: 'assistant', content: 'Rye.', model: 'llama', timestamp: 11 },
        },
      },
    },
  };
  const [transcript] = readTranscripts(JSON.stringify([chat]));
  expect(transcript).toMatchObject({
    id: 'w',
    title: 'Bread',
    system: 'Be a baker.',
    tip: 'a1',
    archived: true,
    tags: ['cooking'],
  });
  expect(transcript!.turns).toMatchObject([{ question: 'Flour?', answer: 'Rye.', model: 'llama', askedAt: 10_000 }]);
});

test.each(['', '{}', '[]', '[1, null]', 'plain', '{"tabloom":"conversations","version":9}'])(
  'a file with nothing in it (%s) is refused',
  (text) => {
    expect(() => readTranscripts(text)).toThrow(expect.objectContaining({ code: 'import-unreadable' }));
  },
);

test('a circle of messages ends, and every turn is in reach', () => {
  const node = (parent: string, role: string) => ({ parentId: parent, role, content: role, timestamp: 1 });
  const messages = { a: node('b', 'assistant'), b: node('a', 'assistant') };
  const [transcript] = readTranscripts(JSON.stringify({ chat: { history: { messages } } }));
  expect(transcript!.turns).toHaveLength(2);
  expect(transcript!.turns.filter(({ parent }) => parent === null)).toHaveLength(1);
});

test('what tools gave goes along, so that an imported conversation can be asked on', () => {
  const result = {
    id: 'c',
    name: 'calculator',
    arguments: '{"expression":"2+2"}',
    text: '4',
    outcome: 'done' as const,
  };
  const turn = (own: string, parent: string | null, more: object) => ({
    id: id(own),
    parent: parent && id(parent),
    question: '',
    answer: '',
    askedAt: 1,
    ...more,
  });
  const transcript: Transcript = {
    id: id('1'),
    title: 'Sum',
    turns: [turn('a', null, { question: '2+2?' }), turn('b', 'a', { results: [result], answer: 'Four.' })],
  };
  const kept = toSaved(readTranscripts(toJson([transcript]))[0]!);
  expect(kept.turns[0]!.answer).toMatchObject({
    phase: 'finished',
    reason: 'tool-calls',
    output: { toolCalls: [{ id: 'c', name: 'calculator', arguments: '{"expression":"2+2"}' }] },
  });
  expect(kept.turns[1]).toMatchObject({ results: [result], answer: { text: 'Four.', output: { toolCalls: [] } } });
  expect(toTranscript(kept, 'all').turns[1]).toMatchObject({ results: [result] });
  expect(toMarkdown(transcript)).toBe(
    '# Sum\n\n## 2+2?\n\n_calculator_\n\n```\n{"expression":"2+2"}\n```\n\n```\n4\n```\n\nFour.\n',
  );
});
