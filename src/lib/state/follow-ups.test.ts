import { expect, test } from 'vitest';
import { initialJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest, JobEvent, WorkerView } from '#lib/peer/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import { askFollowUps, followUpRequest, readFollowUps } from './follow-ups.ts';

const worker: WorkerView = {
  peer: 'P',
  self: false,
  role: 'tab',
  engine: { name: 'scripted', build: '1', deviceClass: 'test' },
  model: 'm',
  artefact: 'a'.repeat(64),
  tier: 'open',
};
const answer: JobState = {
  ...initialJob,
  phase: 'finished',
  reason: 'stop',
  text: 'A loom weaves.',
  worker,
  job: { id: '1', tier: 'verified' } as Job,
};

test('only whoever has answered is asked, for nothing, and is told what it knows', () => {
  const request = followUpRequest('What is a loom?', answer)!;
  expect(request).toMatchObject({ model: { name: 'm' }, tier: 'verified', only: ['P'] });
  expect(request.budget).toBeUndefined();
  expect(request.kind === 'chat' && request.input.messages.slice(0, 2)).toEqual([
    { role: 'user', content: 'What is a loom?' },
    { role: 'assistant', content: 'A loom weaves.' },
  ]);
  expect(followUpRequest('q', { ...answer, worker: { ...worker, self: true } })!.tier).toBe('open');
});

test.each<[string, Partial<JobState>]>([
  ['failed', { phase: 'failed' }],
  ['was cut off', { reason: 'length' }],
  ['cost something', { cost: {} as JobState['cost'] }],
  ['said nothing', { text: ' ' }],
  ['came from nobody', { worker: undefined }],
])('nothing is asked after an answer that %s', (_, change) => {
  expect(followUpRequest('q', { ...answer, ...change })).toBeUndefined();
});

test('questions are read from a list as models write it', () => {
  expect(readFollowUps('1. Who made it?\n2) How old is it?\n\n- **Where?**\n4. And then?', '')).toEqual([
    'Who made it?',
    'How old is it?',
    'Where?',
  ]);
  expect(readFollowUps('Here are three:\n“Wer war das?”\nمن صنعه؟\n谁？\n谁？', '')).toEqual([
    'Wer war das?',
    'من صنعه؟',
    '谁？',
  ]);
  expect(readFollowUps('<think>What?\nWhy?</think>I cannot do that.', '')).toEqual([]);
  expect(readFollowUps('What do you mean?', '')).toEqual([]);
  expect(readFollowUps(`Same?\nOther?\n${'x'.repeat(130)}?`, 'Same?')).toEqual([]);
});

const events = (...texts: readonly string[]): JobEvent[] => [
  { type: 'job-routing', at: 1, attempt: 1 },
  { type: 'worker-chosen', at: 2, job: { id: '2' } as Job, worker },
  { type: 'channel-opened', at: 3, path: 'direct' },
  { type: 'job-accepted', at: 4, position: 0, etaMs: 0 },
  ...texts.map((text): JobEvent => ({ type: 'part-received', at: 5, part: { type: 'text-delta', text, tokens: 1 } })),
];

async function asked(all: readonly JobEvent[], end?: Error) {
  const requests: AskRequest[] = [];
  let heard = 0;
  const found = await askFollowUps('q', answer, async function* (request) {
    requests.push(request);
    for (const event of all) {
      heard++;
      yield event;
    }
    if (end) throw end;
  });
  return { found, requests: requests.length, heard };
}

test('what fails, waits in a queue or never ends in questions suggests nothing', async () => {
  expect((await asked(events('One?\n', 'Two?'))).found).toEqual([]);
  expect(await asked(events('x'), new Error('gone'))).toMatchObject({ found: [], requests: 1 });
  const queued: JobEvent[] = [
    ...events().slice(0, 3),
    { type: 'job-accepted', at: 4, position: 2, etaMs: 9 },
    ...events(),
  ];
  expect(await asked(queued)).toMatchObject({ found: [], heard: 4 });
});
