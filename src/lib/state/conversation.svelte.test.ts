import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import type { AskRequest, JobEvent, WorkerView } from '#lib/peer/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import { Conversation, type ConversationParts } from './conversation.svelte.ts';
import type { ConversationRecord, TurnRecord } from './records.ts';
import type { AskingPort } from './tab.ts';
import { anyPeer } from './target.ts';

const worker: WorkerView = {
  peer: 'P',
  self: false,
  role: 'tab',
  engine: { name: 'scripted', build: '1', deviceClass: 'test' },
  model: 'm',
  artefact: 'a'.repeat(64),
  tier: 'open',
};

/** The events of an answer in these pieces, without its end. */
function begin(...pieces: readonly string[]): JobEvent[] {
  return [
    { type: 'job-routing', at: 1, attempt: 1 },
    { type: 'worker-chosen', at: 2, job: { id: '1' } as Job, worker },
    { type: 'channel-opened', at: 3, path: 'direct' },
    { type: 'job-accepted', at: 4, position: 0, etaMs: 0 },
    ...pieces.map((text, i): JobEvent => ({
      type: 'part-received',
      at: 5 + i,
      part: { type: 'text-delta', text, tokens: 1, ids: [i] },
    })),
  ];
}

const failed: JobEvent = {
  type: 'job-failed',
  at: 99,
  error: { code: 'peer-lost', message: 'Gone.' },
  rejections: [],
};
const cancelled: JobEvent = { type: 'job-cancelled', at: 99 };

interface Desk {
  readonly conversation: Conversation;
  readonly asked: AskRequest[];
  readonly where: string[];
  readonly saved: { readonly record: ConversationRecord; readonly turns: readonly TurnRecord[] }[];
}

type Script = (request: AskRequest, signal: AbortSignal) => AsyncIterable<JobEvent>;

function desk(script: Script, change: Partial<ConversationParts> = {}): Desk {
  const asked: AskRequest[] = [];
  const where: string[] = [];
  const saved: Desk['saved'] = [];
  let id = 0;
  const asking: AskingPort = {
    ask: (request, options) => {
      asked.push(request);
      where.push(options.where);
      return script(request, options.signal);
    },
    prepare: async () => undefined,
    renewPrivate: async () => undefined,
    verify: () => Promise.reject(new TabloomError('no-receipt', '')),
  };
  const conversation = new Conversation({
    asking: async () => asking,
    settings: () => ({ answerTokensMax: 100, temperature: 0.5 }),
    budget: () => undefined,
    contextTokens: () => 1_024,
    save: async (record, turns) => void saved.push({ record, turns }),
    now: () => 1_000,
    newId: () => String(++id).padStart(32, '0'),
    ...change,
  });
  return { conversation, asked, where, saved };
}

async function* play(events: readonly JobEvent[]): AsyncIterable<JobEvent> {
  yield* events;
}

test('a question and its answer are saved', async () => {
  const { conversation, asked, saved } = desk(() => play([...begin('Hel', 'lo'), cancelled]));
  await conversation.send('  Hi there  ', anyPeer);
  expect(asked[0]).toMatchObject({
    model: 'any',
    kind: 'chat',
    input: { messages: [{ role: 'user', content: 'Hi there' }] },
    params: { maxTokens: 100, temperature: 0.5 },
    tier: 'open',
    only: undefined,
  });
  expect(conversation.turns[0]?.answer).toMatchObject({ phase: 'cancelled', text: 'Hello', tokens: 2 });
  expect(saved.at(-1)?.record).toMatchObject({ title: 'Hi there', turns: 1 });
  expect(saved.at(-1)?.turns[0]).toMatchObject({ question: 'Hi there', ids: [0, 1], answer: { text: 'Hello' } });
  expect(conversation.busy).toBe(false);
});

test('the conversation so far is sent along, except for missing answers', async () => {
  const answers = [[...begin('One'), cancelled], [failed], [...begin('Three'), cancelled]];
  const { conversation, asked } = desk(() => play(answers.shift()!));
  for (const question of ['a', 'b', 'c']) await conversation.send(question, anyPeer);
  const third = asked[2]!;
  expect(third.kind === 'chat' && third.input.messages.map(({ content }) => content)).toEqual(['a', 'One', 'c']);
});

test('while an answer is in progress nothing else is asked, and stopping aborts it', async () => {
  const { conversation, asked } = desk(async function* (_, signal) {
    yield* begin('part');
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    yield cancelled;
  });
  const first = conversation.send('one', anyPeer);
  await conversation.send('two', anyPeer);
  await conversation.retry(anyPeer);
  expect(conversation.busy).toBe(true);
  // The first events arrive after the microtasks have run.
  await new Promise((resolve) => setImmediate(resolve));
  conversation.stop();
  await first;
  expect(asked).toHaveLength(1);
  expect(conversation.turns).toHaveLength(1);
  expect(conversation.turns[0]?.answer).toMatchObject({ phase: 'cancelled', text: 'part' });
});

test('stopping works before the tab is ready', async () => {
  const { conversation, saved } = desk(() => play([]), { asking: () => new Promise(() => undefined) });
  const asked = conversation.send('Hi', anyPeer);
  conversation.stop();
  await asked;
  expect([conversation.busy, conversation.turns[0]?.answer.phase]).toEqual([false, 'cancelled']);
  expect(saved.at(-1)?.turns[0]?.answer.phase).toBe('cancelled');
});

test('retry asks the same question again in the same turn', async () => {
  const answers = [
    [...begin('half'), failed],
    [...begin('whole'), cancelled],
  ];
  const { conversation, asked } = desk(() => play(answers.shift()!));
  await conversation.send('q', anyPeer);
  expect(conversation.turns[0]?.answer).toMatchObject({ phase: 'failed', error: { code: 'peer-lost' } });
  await conversation.retry({ model: 'm', by: 'P' });
  expect(conversation.turns).toHaveLength(1);
  expect(conversation.turns[0]?.answer).toMatchObject({ phase: 'cancelled', text: 'whole' });
  expect(asked[1]).toMatchObject({ model: { name: 'm' }, only: ['P'] });
});

test('the target this-device is passed on', async () => {
  const { conversation, where, asked } = desk(() => play([cancelled]));
  await conversation.send('q', { model: 'any', by: 'this-device' });
  expect([where[0], asked[0]?.only]).toEqual(['this-device', undefined]);
});

test('a thrown error becomes a coded failure on screen', async () => {
  const thrown = desk(() => {
    throw new TabloomError('bad-request', 'No.');
  });
  await thrown.conversation.send('q', anyPeer);
  expect(thrown.conversation.turns[0]?.answer).toMatchObject({ phase: 'failed', error: { code: 'bad-request' } });
  const unready = desk(() => play([]), { asking: () => Promise.reject(new TabloomError('storage-full', 'Full.')) });
  await unready.conversation.send('q', anyPeer);
  expect(unready.conversation.turns[0]?.answer).toMatchObject({ phase: 'failed', error: { code: 'storage-full' } });
});

test('a conversation that cannot be saved is still shown, with the error', async () => {
  const { conversation } = desk(() => play([...begin('text'), cancelled]), {
    save: () => Promise.reject(new TabloomError('storage-full', 'Full.')),
  });
  await conversation.send('q', anyPeer);
  expect(conversation.turns[0]?.answer.text).toBe('text');
  expect(conversation.saveError).toMatchObject({ code: 'storage-full' });
});

test('an answer cut off by closing the page is restored as interrupted, a finished one is not', async () => {
  const { saved, conversation } = desk(() => play([...begin('half')]));
  await conversation.send('q', anyPeer);
  const { record, turns } = saved.at(-1)!;
  const parts = { ...({} as ConversationParts), now: () => 0, newId: () => '0' };
  const again = new Conversation(parts, { record, turns });
  expect(again.turns[0]).toMatchObject({ interrupted: true, question: 'q' });
  expect(conversation.id).toBe(again.id);
});

test('blank input is not sent', async () => {
  const { conversation, asked } = desk(() => play([]));
  await conversation.send(' \n ', anyPeer);
  expect(asked).toEqual([]);
  expect(conversation.turns).toEqual([]);
});
