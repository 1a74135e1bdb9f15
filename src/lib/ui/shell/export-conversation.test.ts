import { expect, test } from 'vitest';
import { initialJob } from '#lib/peer/session/job-state.ts';
import { fromShareLink } from '#lib/state/share-link.ts';
import { exportConversation, fileName, type ExportFormat } from './export-conversation.ts';

const answer = { ...initialJob, phase: 'finished', text: 'Yes.' } as const;
const saved = {
  record: { id: '1'.repeat(32), title: 'Is it?', createdAt: 1, updatedAt: 1, turns: 1 },
  turns: [{ id: 'a'.repeat(32), parent: null, question: 'Is it?', askedAt: 1, answer, leftOut: 0 }],
};

async function run(how: ExportFormat) {
  const done: string[][] = [];
  const said = await exportConversation(saved, how, {
    origin: 'https://relay.example.org',
    copy: async (text) => void done.push([text]),
    download: (...file) => void done.push(file),
  });
  return { done: done[0]!, said };
}

test('a conversation goes into a file or a link, and nowhere else', async () => {
  const markdown = await run('markdown');
  expect(markdown.done).toEqual(['Is it.md', 'text/markdown', '# Is it?\n\n## Is it?\n\nYes.\n']);
  const json = await run('json');
  expect(JSON.parse(json.done[2]!)).toMatchObject({ tabloom: 'conversations', conversations: [{ title: 'Is it?' }] });
  const link = await run('link');
  expect((await fromShareLink(new URL(link.done[0]!).hash)).turns).toMatchObject([{ answer: 'Yes.' }]);
});

test.each([
  ['Is it?', 'Is it'],
  ['../../etc/passwd', 'etc passwd'],
  ['***', 'tabloom'],
  ['x'.repeat(99), 'x'.repeat(60)],
])('%s is saved as %s', (title, name) => {
  expect(fileName(title)).toBe(name);
});
