import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import type { AskRequest, JobEvent, ReceiptCheck, WorkerView } from '#lib/peer/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { SignedReceipt } from '#lib/protocol/receipt.ts';
import type { ConversationParts } from './conversation-spec.ts';
import { toolsFor } from './tools/toolbox.ts';
import { Conversation } from './conversation.svelte.ts';
import type { ConversationRecord, TurnRecord } from './records.ts';
import type { AskingPort } from './tab.ts';
import { anyPeer, thisDevice, type Target } from './target.ts';

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

const settings = {
  answerTokensMax: 100,
  temperature: 0.5,
  aboutYou: '',
  privateMode: false,
  followUps: false,
  followUpsInPrivate: false,
};

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
    settings: () => settings,
    suggest: async () => [],
    budget: () => undefined,
    contextTokens: () => 1_024,
    save: async (record, turns) => void saved.push({ record, turns }),
    tools: { usable: () => true, offered: () => [], run: async () => [] },
    rank: async (_, passages) => [...passages.keys()],
    meaning: { model: () => undefined, rank: async () => [] },
    shelf: async () => [],
    resuming: () => undefined,
    sees: () => false,
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

/** What an answer to one question was: the prompt of the last one asked, as texts. */
const sent = (asked: readonly AskRequest[]) => {
  const last = asked.at(-1)!;
  return last.kind === 'chat' && last.input.messages.map(({ content }) => content);
};
const shown = ({ turns }: Conversation) => turns.map(({ question, answer }) => `${question}: ${answer.text}`);

test('asking again keeps the answer there was, and what followed it, as a version', async () => {
  const texts = ['one', 'two', 'one again'];
  const { conversation, asked } = desk(() => play([...begin(texts.shift()!), cancelled]));
  await conversation.send('a', anyPeer);
  await conversation.send('b', anyPeer);
  await conversation.regenerate(conversation.turns[0]!, anyPeer);
  expect([shown(conversation), sent(asked)]).toEqual([['a: one again'], ['a']]);
  const versions = conversation.versions(conversation.turns[0]!);
  expect(versions.map(({ answer }) => answer.text)).toEqual(['one', 'one again']);
  conversation.choose(versions[0]!);
  expect(shown(conversation)).toEqual(['a: one', 'b: two']);
});

test('two targets are asked the same at once, as two versions, and the one that is kept goes on', async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { conversation, asked, where, saved } = desk(async function* ({ model }) {
    const index = model === 'any' ? 0 : 1;
    await gates[index]!.promise;
    yield* begin(`answer ${index}`);
    yield cancelled;
  });
  const second = { model: 'm2', by: 'this-device' };
  conversation.configure({ tools: ['clock'] });
  conversation.compareWith = second;
  const comparing = conversation.send('q', anyPeer);
  await new Promise((resolve) => setImmediate(resolve));
  expect([asked.length, where, conversation.busy]).toEqual([2, ['network', 'this-device'], true]);
  // Tools are not offered: their results would be turns of their own.
  expect(asked.map((request) => request.kind === 'chat' && request.input.tools)).toEqual([undefined, undefined]);
  await conversation.send('meanwhile', anyPeer);
  gates[1]!.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect([conversation.busy, conversation.all.length]).toEqual([true, 2]);
  gates[0]!.resolve();
  await comparing;
  expect(conversation.busy).toBe(false);
  expect(conversation.compared?.map(({ answer }) => answer.text)).toEqual(['answer 0', 'answer 1']);
  expect(shown(conversation)).toEqual(['q: answer 0']);
  expect(saved.at(-1)?.record.comparing).toEqual(conversation.all.map(({ id }) => id));
  expect(conversation.keep(conversation.compared![1]!)).toEqual(second);
  expect([conversation.compared, conversation.compareWith]).toEqual([undefined, undefined]);
  expect(shown(conversation)).toEqual(['q: answer 1']);
  expect(conversation.versions(conversation.turns[0]!)).toHaveLength(2);
  await conversation.send('and then?', anyPeer);
  expect(sent(asked)).toEqual(['q', 'answer 1', 'and then?']);
});

test('stopping a comparison stops both answers, and one that fails leaves the other', async () => {
  const hanging = desk(async function* (_, signal) {
    yield* begin('part');
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    yield cancelled;
  });
  hanging.conversation.compareWith = anyPeer;
  const comparing = hanging.conversation.send('q', anyPeer);
  await new Promise((resolve) => setImmediate(resolve));
  hanging.conversation.stop();
  await comparing;
  expect(hanging.conversation.all.map(({ answer }) => answer.phase)).toEqual(['cancelled', 'cancelled']);
  const events = [[failed], [...begin('fine'), cancelled]];
  const { conversation } = desk(() => play(events.shift()!));
  conversation.compareWith = anyPeer;
  await conversation.send('q', anyPeer);
  expect(conversation.compared?.map(({ answer }) => [answer.phase, answer.text])).toEqual([
    ['failed', ''],
    ['cancelled', 'fine'],
  ]);
});

test('a comparison is over once the conversation goes on, and is there again after a reload before that', async () => {
  const { conversation, saved } = desk(() => play([...begin('a'), cancelled]));
  conversation.compareWith = anyPeer;
  await conversation.send('q', anyPeer);
  const { record, turns } = saved.at(-1)!;
  const again = desk(() => play([...begin('b'), cancelled]));
  again.conversation.merge(record, turns);
  expect(again.conversation.compared).toHaveLength(2);
  expect(again.conversation.keep(again.conversation.compared![0]!)).toBeUndefined();
  conversation.compareWith = undefined;
  await conversation.send('next', anyPeer);
  expect(conversation.compared).toBeUndefined();
  expect(saved.at(-1)?.record.comparing).toBeUndefined();
  expect(shown(conversation)).toEqual(['q: a', 'next: a']);
});

const chatJob = {
  id: '1',
  artefact: worker.artefact,
  kind: 'chat',
  tier: 'open',
  input: { messages: [{ role: 'user', content: 'q' }] },
  params: { maxTokens: 100 },
} as unknown as Job;

/** Pieces of an answer whose job is known, cut off by the length limit. */
const cutOff = (...pieces: readonly string[]): JobEvent[] => [
  ...begin(...pieces).map((event) => (event.type === 'worker-chosen' ? { ...event, job: chatJob } : event)),
  {
    type: 'job-finished',
    at: 50,
    reason: 'length',
    usage: { tokensIn: 1, tokensOut: pieces.length },
    receipt: {} as SignedReceipt,
    receiptCheck: {} as ReceiptCheck,
  },
];

test('an answer that was cut off goes on itself where somebody can, and in a turn of its own where nobody does', async () => {
  const scripts = [cutOff('one '), cutOff('two '), [failed], [...begin('three'), cancelled]];
  const { conversation, asked, saved } = desk(() => play(scripts.shift()!), {
    resuming: () => ({ contextTokens: 1_024 }),
  });
  await conversation.send('q', anyPeer);
  await conversation.goOn(anyPeer);
  expect(shown(conversation)).toEqual(['q: one two ']);
  expect(asked[1]).toMatchObject({ params: { maxTokens: 101 }, after: { text: 'one ', tokens: 1, ids: [0] } });
  expect(conversation.turns[0]?.answer).toMatchObject({
    phase: 'finished',
    attempts: [{ earlier: { reason: 'length' } }, {}],
  });
  expect(saved.at(-1)?.turns[0]).toMatchObject({ ids: [0, 0], answer: { text: 'one two ' } });
  await conversation.goOn(anyPeer);
  expect(asked).toHaveLength(4);
  expect(shown(conversation)).toEqual([
    'q: one two ',
    'Continue exactly where you stopped. Do not repeat anything.: three',
  ]);
  expect(saved.at(-1)?.turns[0]?.answer).toMatchObject({ phase: 'finished', reason: 'length', text: 'one two ' });
});

test('what went on and was cut off by closing the page is not asked again over what there was', async () => {
  const scripts = [cutOff('one '), begin('two '), [...begin('anew'), cancelled]];
  const { conversation } = desk(() => play(scripts.shift()!), { resuming: () => ({ contextTokens: 1_024 }) });
  await conversation.send('q', anyPeer);
  await conversation.goOn(anyPeer);
  expect(conversation.turns[0]?.interrupted).toBe(true);
  await conversation.retry(anyPeer);
  expect(conversation.all.map(({ answer }) => answer.text)).toEqual(['one two ', 'anew']);
});

test('a tier that is asked for goes with every question, but not to this device, and a lower answer is not gone on with', async () => {
  const { conversation, asked } = desk(() => play(cutOff('one ')), { resuming: () => ({ contextTokens: 1_024 }) });
  await conversation.send('q', anyPeer);
  conversation.configure({ tier: 'verified' });
  expect(conversation.needs).toEqual({ tier: 'verified' });
  await conversation.goOn(anyPeer);
  await conversation.regenerate(conversation.turns[0]!, anyPeer);
  await conversation.send('here', thisDevice);
  expect(asked.map(({ tier, after }) => [tier, after === undefined])).toEqual([
    ['open', true],
    ['verified', true],
    ['verified', true],
    ['open', true],
  ]);
});

test('a picture goes to who sees it, and is counted where nobody does', async () => {
  let seeing = true;
  const { conversation, asked, saved } = desk(() => play([...begin('A cat.'), cancelled]), { sees: () => seeing });
  const bytes = Uint8Array.of(1, 2, 3);
  const picture = { mime: 'image/jpeg', bytes, sha256: 'c'.repeat(64), width: 1, height: 1 } as const;
  conversation.pending = [{ id: 'p', name: 'cat.jpg', text: '', picture }];
  expect(conversation.unseenPictures(anyPeer)).toEqual({ pending: 0, before: 0 });
  expect(conversation.needs).toEqual({ sight: 'must' });
  await conversation.send('What is it?', anyPeer);
  expect(conversation.needs).toEqual({ sight: 'rather' });
  const blob = { type: 'blob', mime: 'image/jpeg', sha256: picture.sha256, sizeBytes: 3 };
  expect(sent(asked)).toEqual([[{ type: 'text', text: 'What is it?' }, blob]]);
  expect(asked[0]?.blobs).toEqual(new Map([[picture.sha256, bytes]]));
  expect(saved.at(-1)?.turns[0]?.attachments).toEqual([{ id: 'p', name: 'cat.jpg', text: '', picture }]);
  seeing = false;
  conversation.pending = [{ id: 'q', name: 'dog.jpg', text: '', picture }];
  expect(conversation.unseenPictures(anyPeer)).toEqual({ pending: 1, before: 1 });
  conversation.pending = [];
  await conversation.send('And its colour?', anyPeer);
  expect(sent(asked)).toEqual(['[Picture cat.jpg, not shown]\nWhat is it?', 'A cat.', 'And its colour?']);
  expect([asked[1]?.blobs, conversation.turns[1]?.picturesLeftOut]).toEqual([undefined, 1]);
});

test('a turn that was found is shown in its version, and a choice that shows it already stays', async () => {
  const texts = ['one', 'two', 'one again'];
  const { conversation } = desk(() => play([...begin(texts.shift()!), cancelled]));
  await conversation.send('a', anyPeer);
  await conversation.send('b', anyPeer);
  const [first, second] = conversation.turns;
  await conversation.regenerate(first!, anyPeer);
  expect(conversation.reveal(second!.id)).toBe(true);
  expect(shown(conversation)).toEqual(['a: one', 'b: two']);
  expect([conversation.reveal(first!.id), conversation.reveal('elsewhere')]).toEqual([true, false]);
  expect(shown(conversation)).toEqual(['a: one', 'b: two']);
});

test('an edited question is asked in its place, with what came before it and not what came after', async () => {
  const texts = ['one', 'two', 'three', 'other'];
  const { conversation, asked, saved } = desk(() => play([...begin(texts.shift()!), cancelled]));
  for (const question of ['a', 'b', 'c']) await conversation.send(question, anyPeer);
  await conversation.edit(conversation.turns[1]!, 'B', anyPeer);
  expect(shown(conversation)).toEqual(['a: one', 'B: other']);
  expect(sent(asked)).toEqual(['a', 'one', 'B']);
  const { record, turns } = saved.at(-1)!;
  expect([record.turns, record.tip]).toEqual([4, conversation.turns[1]!.id]);
  const again = new Conversation({ ...({} as ConversationParts), now: () => 0 }, { record, turns });
  expect(shown(again)).toEqual(['a: one', 'B: other']);
});

test('an answer that was cut off at the limit goes on in the next turn, any other does not', async () => {
  const cut: JobEvent = {
    ...({ type: 'job-finished', at: 99, reason: 'length', usage: { tokensIn: 1, tokensOut: 1 } } as const),
    receipt: {} as never,
    receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true },
  };
  const answers = [
    [...begin('half'), cut],
    [...begin(' and half'), cancelled],
  ];
  const { conversation, asked } = desk(() => play(answers.shift()!));
  await conversation.send('a', anyPeer);
  await conversation.goOn(anyPeer);
  expect(conversation.turns.map(({ continues }) => continues)).toEqual([false, true]);
  expect(sent(asked)).toEqual(['a', 'half', 'Continue exactly where you stopped. Do not repeat anything.']);
  await conversation.goOn(anyPeer);
  expect(asked).toHaveLength(2);
});

test('a long answer is saved while it arrives, so that a crash loses two seconds of it at most', async () => {
  let now = 0;
  const { conversation, saved } = desk(
    async function* () {
      for (const event of begin('one ', 'two ', 'three')) {
        now += 700;
        yield event;
        await new Promise((resolve) => setImmediate(resolve));
      }
      yield cancelled;
    },
    { now: () => now },
  );
  await conversation.send('a', anyPeer);
  expect(saved.map(({ turns }) => turns[0]?.answer.text)).toEqual(['', '', 'one two ', 'one two three']);
});

test('five thousand turns are opened, shown and asked after; the newest that fit are sent', async () => {
  const { conversation, asked } = desk(() => play([...begin('yes'), cancelled]), { contextTokens: () => 1e6 });
  const template = new Conversation({ ...({} as ConversationParts), newId: () => 'x', now: () => 0 });
  const answer = { phase: 'finished', text: 'ok', attempts: [], warnings: [], rejections: [] } as never;
  const turns = Array.from({ length: 4_998 }, (_, i) => ({
    id: `t${i}`,
    question: `q${i}`,
    askedAt: i,
    leftOut: 0,
    answer,
  }));
  conversation.merge({ ...template.toRecord(), tip: 't4997' }, turns);
  expect(conversation.turns).toHaveLength(4_998);
  await conversation.send('last', anyPeer);
  const messages = sent(asked);
  expect(messages && [messages.length <= 512, messages.at(-1)]).toEqual([true, 'last']);
  expect(conversation.turns.at(-2)?.id).toBe('t4997');
});

test('instructions and parameters of the conversation go along with every question', async () => {
  const { conversation, asked, saved } = desk(() => play([...begin('yes'), cancelled]));
  conversation.configure({ system: ' Answer in French. ', temperature: 0, topP: 0.9, answerTokensMax: 64 });
  await conversation.send('a', anyPeer);
  expect(asked[0]).toMatchObject({
    input: { messages: [{ role: 'system', content: 'Answer in French.' }, { role: 'user' }] },
    params: { temperature: 0, topP: 0.9, maxTokens: 64 },
  });
  expect(saved.at(-1)?.record.options).toMatchObject({ system: ' Answer in French. ' });
  conversation.configure({});
  await conversation.send('b', anyPeer);
  expect(asked[1]?.params).toEqual({ maxTokens: 100, temperature: 0.5 });
});

test('passages are found by meaning only once the user has agreed, under the terms of the question', async () => {
  const ranked: unknown[] = [];
  const meaning: ConversationParts['meaning'] = {
    model: ({ by }) => (by === 'this-device' ? undefined : 'vectors'),
    rank: async (_, passages, terms) => {
      ranked.push(terms);
      return [...passages.keys()];
    },
  };
  const { conversation } = desk(() => play([...begin('ok'), cancelled]), { meaning });
  const long = [{ id: 'a', name: 'long.txt', text: 'A line of a long text. '.repeat(1_000) }];
  const ask = async (target: Target) => {
    conversation.pending = long;
    await conversation.send('q', target);
  };
  await ask(anyPeer);
  expect(ranked).toEqual([]);
  conversation.configure({ meaning: true, tier: 'verified' });
  await ask(anyPeer);
  await ask({ model: 'any', by: 'B' });
  await ask({ model: 'any', by: 'this-device' });
  expect(ranked).toEqual([
    { model: 'vectors', tier: 'verified', peer: undefined },
    { model: 'vectors', tier: 'verified', peer: 'B' },
  ]);
});

test('what is found among the kept documents goes first, is found anew, and leaves room for what is attached', async () => {
  const searched: [string, number][] = [];
  const shelf: ConversationParts['shelf'] = async (question, lengthMax) => {
    searched.push([question, lengthMax]);
    return [{ id: 'k', name: 'kept.txt', text: 'gold', from: 'shelf', passages: { sent: 1, of: 9 } }];
  };
  const { conversation, asked } = desk(() => play([...begin('yes'), cancelled]), { shelf });
  await conversation.send('Before?', anyPeer);
  expect(searched).toEqual([]);
  conversation.configure({ shelf: true });
  conversation.pending = [{ id: '1', name: 'a.txt', text: 'alpha' }];
  await conversation.send('Where?', anyPeer);
  const found = '[Passages of the file kept.txt]\ngold\n[End of kept.txt]\n\n';
  const prompt = `${found}[File a.txt]\nalpha\n[End of a.txt]\n\nWhere?`;
  expect(sent(asked)).toEqual(['Before?', 'yes', prompt]);
  expect(conversation.turns.at(-1)?.attachments.map(({ id }) => id)).toEqual(['1', 'k']);
  await conversation.regenerate(conversation.turns.at(-1)!, anyPeer);
  expect(sent(asked)).toEqual(['Before?', 'yes', prompt]);
  conversation.pending = [{ id: '2', name: 'long.txt', text: 'word '.repeat(5_000) }];
  await conversation.send('And?', anyPeer);
  expect(searched.map(([question]) => question)).toEqual(['Where?', 'Where?', 'And?']);
  expect(searched[2]![1]).toBeLessThan(searched[0]![1]);
  expect(searched[2]![1]).toBeGreaterThan(0);
});

test('attachments go with the question once, stay with it, and are chosen anew when it is asked again', async () => {
  const { conversation, asked, saved } = desk(() => play([...begin('yes'), cancelled]));
  conversation.pending = [{ id: '1', name: 'a.txt', text: 'alpha' }];
  expect(conversation.pendingFits('What?', anyPeer)).toBe(true);
  await conversation.send('What?', anyPeer);
  const prompt = '[File a.txt]\nalpha\n[End of a.txt]\n\nWhat?';
  expect([sent(asked), conversation.pending]).toEqual([[prompt], []]);
  await conversation.send('And?', anyPeer);
  expect(sent(asked)).toEqual([prompt, 'yes', 'And?']);
  expect(saved.at(-1)?.turns.map(({ attachments }) => attachments?.length)).toEqual([1, undefined]);
  await conversation.edit(conversation.turns[0]!, 'Why?', anyPeer);
  expect(sent(asked)).toEqual([prompt.replace('What?', 'Why?')]);
  conversation.pending = [{ id: '2', name: 'long.txt', text: 'word '.repeat(5_000) }];
  expect(conversation.pendingFits('What?', anyPeer)).toBe(false);
  await conversation.send('What?', anyPeer);
  expect(conversation.turns.at(-1)?.attachments[0]?.passages?.sent).toBeGreaterThan(0);
  expect(conversation.turns.at(-1)?.question).toBe('What?');
});

test('how long the model thought is kept with the turn', async () => {
  const thought: JobEvent = {
    type: 'part-received',
    at: 2_000,
    part: { type: 'reasoning-delta', text: 'Hm.', tokens: 1 },
  };
  const word: JobEvent = { type: 'part-received', at: 6_000, part: { type: 'text-delta', text: 'Yes', tokens: 1 } };
  const { conversation, saved } = desk(() => play([...begin(), thought, word, cancelled]));
  await conversation.send('Hi', anyPeer);
  expect(saved.at(-1)!.turns[0]!.thinking).toEqual({ sinceMs: 2_000, untilMs: 6_000 });
  await conversation.retry(anyPeer);
  expect(conversation.turns[0]!.thinking).toEqual({ sinceMs: 2_000, untilMs: 6_000 });
});

/** An answer that calls a tool, or says these words. */
function answer(what: { readonly calls?: string; readonly text?: string }): JobEvent[] {
  const call: JobEvent[] = what.calls
    ? [
        {
          type: 'part-received',
          at: 5,
          part: { type: 'tool-call-delta', index: 0, id: 'c', name: 'calculator', arguments: what.calls, tokens: 1 },
        },
      ]
    : [];
  const end: JobEvent = {
    type: 'job-finished',
    at: 9,
    reason: what.calls ? 'tool-calls' : 'stop',
    usage: { tokensIn: 1, tokensOut: 1 },
    receipt: {} as SignedReceipt,
    receiptCheck: {} as ReceiptCheck,
  };
  return [...begin(...(what.text ? [what.text] : [])), ...call, end];
}

const offered: ConversationParts['tools']['offered'] = ({ tools = [] }) => toolsFor(tools);

const withTools = (run: ConversationParts['tools']['run'], script: Script, usable = true) =>
  desk(script, { tools: { usable: () => usable, offered, run } });

const four: ConversationParts['tools']['run'] = async (calls) =>
  calls.map((call) => ({ ...call, text: '4', outcome: 'done' }));

test('what a model calls is run, and it is asked again with the results', async () => {
  const answers = [answer({ calls: '{"expression":"2+2"}' }), answer({ text: 'Four.' }), answer({ text: 'Eight.' })];
  const { conversation, asked, saved } = withTools(four, () => play(answers.shift()!));
  conversation.configure({ tools: ['calculator'] });
  await conversation.send('2+2?', anyPeer);
  expect(asked.map(({ input }) => 'tools' in input && input.tools?.map(({ name }) => name))).toEqual([
    ['calculator'],
    ['calculator'],
  ]);
  expect(asked[1]!.input).toMatchObject({
    messages: [
      { role: 'user', content: '2+2?' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'calculator' }] },
      { role: 'tool', content: '4', toolCallId: 'c' },
    ],
  });
  expect(conversation.turns.map(({ question, results, answer }) => [question, results[0]?.text, answer.text])).toEqual([
    ['2+2?', undefined, ''],
    ['', '4', 'Four.'],
  ]);
  expect(saved.at(-1)!.turns[1]).toMatchObject({ results: [{ name: 'calculator', text: '4', outcome: 'done' }] });
  await conversation.send('Twice?', anyPeer);
  expect(asked[2]!.input).toMatchObject({ messages: [{}, {}, { role: 'tool' }, { content: 'Four.' }, {}] });
});

test('where nobody can use tools none are sent, and of earlier calls only what was answered in the end', async () => {
  const answers = [answer({ calls: '{}' }), answer({ text: 'Four.' }), answer({ calls: '{}' })];
  let usable = true;
  const { conversation, asked } = desk(() => play(answers.shift()!), {
    tools: { usable: () => usable, offered, run: four },
  });
  conversation.configure({ tools: ['calculator'] });
  await conversation.send('2+2?', anyPeer);
  usable = false;
  await conversation.send('Twice?', anyPeer);
  expect(asked[2]!.input).toEqual({
    messages: [
      { role: 'user', content: '2+2?' },
      { role: 'assistant', content: 'Four.' },
      { role: 'user', content: 'Twice?' },
    ],
  });
  // A model that calls what it was not given gets nothing run.
  expect(asked).toHaveLength(3);
});

test('a model that calls on and on is asked for words in the end', async () => {
  const { conversation, asked } = withTools(four, () => play(answer({ calls: '{}' })));
  conversation.configure({ tools: ['calculator'] });
  await conversation.send('2+2?', anyPeer);
  expect(asked).toHaveLength(9);
  expect(asked.map(({ params }) => 'toolChoice' in params)).toEqual([...Array<boolean>(8).fill(false), true]);
  expect(conversation.busy).toBe(false);
});

test('Stop ends a tool; its calls are not sent again without results', async () => {
  const run: ConversationParts['tools']['run'] = async (_, __, { signal }) => {
    conversation.stop();
    signal.throwIfAborted();
    return [];
  };
  const answers = [answer({ calls: '{}' }), answer({ text: 'Yes.' })];
  const { conversation, asked } = withTools(run, () => play(answers.shift()!));
  conversation.configure({ tools: ['calculator'] });
  await conversation.send('2+2?', anyPeer);
  expect([conversation.busy, conversation.turns.length]).toEqual([false, 1]);
  await conversation.send('Still there?', anyPeer);
  expect(asked[1]!.input).toMatchObject({ messages: [{ role: 'user', content: 'Still there?' }] });
});

test('an answer that failed after a tool is asked for again with the same results', async () => {
  const answers = [answer({ calls: '{}' }), [...begin(), failed], answer({ text: 'Four.' })];
  const { conversation, asked } = withTools(four, () => play(answers.shift()!));
  conversation.configure({ tools: ['calculator'] });
  await conversation.send('2+2?', anyPeer);
  await conversation.retry(anyPeer);
  expect(asked[2]!.input).toMatchObject({ messages: [{}, {}, { role: 'tool', content: '4' }] });
  expect(conversation.turns.map(({ answer }) => answer.text)).toEqual(['', 'Four.']);
});

test('the note about the user stands first in new conversations, unless it is switched off', async () => {
  const about = () => ({ settings: () => ({ ...settings, aboutYou: ' I weave. ' }) });
  const fresh = desk(() => play(answer({ text: 'Yes.' })), about());
  expect(fresh.conversation.tellsAbout).toBe(true);
  fresh.conversation.configure({ system: 'Be brief.' });
  await fresh.conversation.send('Hi', anyPeer);
  await fresh.conversation.send('And?', anyPeer);
  for (const { input } of fresh.asked)
    expect('messages' in input && input.messages[0]).toEqual({ role: 'system', content: 'I weave.\n\nBe brief.' });
  expect(fresh.saved.at(-1)?.record.options).toEqual({ system: 'Be brief.', about: true });

  const off = desk(() => play(answer({ text: 'Yes.' })), about());
  off.conversation.configure({ about: false });
  await off.conversation.send('Hi', anyPeer);
  expect(off.asked[0]!.input).toMatchObject({ messages: [{ role: 'user', content: 'Hi' }] });
});

test('the note goes with no conversation that is older than it, nor with a private one that was not told to', async () => {
  let aboutYou = '';
  const old = desk(() => play(answer({ text: 'Yes.' })), { settings: () => ({ ...settings, aboutYou }) });
  await old.conversation.send('Hi', anyPeer);
  aboutYou = 'I weave.';
  await old.conversation.send('And?', anyPeer);
  expect(old.conversation.tellsAbout).toBe(false);

  const shy = desk(() => play(answer({ text: 'Yes.' })), {
    settings: () => ({ ...settings, aboutYou, privateMode: true }),
  });
  await shy.conversation.send('Hi', anyPeer);
  const roles = ({ asked }: Desk) => asked.map(({ input }) => 'messages' in input && input.messages[0]!.role);
  expect([roles(old), roles(shy)]).toEqual([['user', 'user'], ['user']]);
  shy.conversation.configure({ about: true });
  await shy.conversation.send('And?', anyPeer);
  expect(roles(shy)).toEqual(['user', 'system']);
});

test('what could be asked next is asked for where that is switched on, and forgotten once the conversation goes on', async () => {
  const signals: AbortSignal[] = [];
  const found = Promise.withResolvers<readonly string[]>();
  let on = { ...settings };
  const { conversation, saved } = desk(() => play(answer({ text: 'Yes.' })), {
    settings: () => on,
    suggest: async (question, { text }, signal) => {
      signals.push(signal);
      return signals.length === 1 ? found.promise : [`${question} ${text}`];
    },
  });
  await conversation.send('Off', anyPeer);
  on = { ...settings, followUps: true, privateMode: true };
  await conversation.send('Private', anyPeer);
  expect(signals).toHaveLength(0);
  on = { ...settings, followUps: true };
  await conversation.send('One', anyPeer);
  await conversation.send('Two', anyPeer);
  found.resolve(['Too late?']);
  await expect.poll(() => conversation.turns.at(-1)!.followUps).toEqual(['Two Yes.']);
  expect([signals.map(({ aborted }) => aborted), conversation.turns.at(-2)!.followUps]).toEqual([[true, false], []]);
  expect(JSON.stringify(saved.at(-1))).not.toContain('followUps');
  conversation.stop();
  expect(signals[1]!.aborted).toBe(true);
});
