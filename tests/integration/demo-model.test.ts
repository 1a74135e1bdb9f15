import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { getLlama, type Llama, type LlamaContextSequence, type LlamaModel, type Token } from 'node-llama-cpp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createJudge, type HeldOut } from './demo-judge.ts';

// The trainer's own greedy answers, on the rounded weights that the file holds.
interface Golden {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly prompt: string;
  readonly promptTokens: readonly number[];
  readonly tokens: readonly number[];
  readonly text: string;
}

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const golden = JSON.parse(readFileSync(path('scripts/demo-model/golden.json'), 'utf8')) as readonly Golden[];
const manifest = JSON.parse(readFileSync(path('static/models/tabloom-demo.json'), 'utf8')) as {
  readonly files: readonly { readonly path: string; readonly sizeBytes: number; readonly sha256: string }[];
  readonly contextTokens: number;
};
const modelPath = path('static/models/tabloom-demo.gguf');
const SIZE_BYTES_MAX = 4_000_000;
const IM_END = 2;
const ANSWER_TOKENS_MAX = 450;
/** 161 of 177, 91 %, were measured with this file; near ties may differ by the machine. */
const onTopicMin = 0.88;
const strangersHash = '369fd1f19ec7d7bfe8c7c2809733161eecd19be509dcdd8593a61c6dfd056720';

let llama: Llama;
let model: LlamaModel;
let sequence: LlamaContextSequence;

beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: 'never', skipDownload: true });
  model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: manifest.contextTokens, threads: 1 });
  sequence = context.getSequence();
});

afterAll(async () => {
  await llama?.dispose();
});

async function generate(prompt: readonly number[]): Promise<readonly number[]> {
  await sequence.clearHistory();
  const out: number[] = [];
  for await (const token of sequence.evaluate([...prompt] as Token[], { temperature: 0 })) {
    if (token === IM_END || out.length >= ANSWER_TOKENS_MAX) break;
    out.push(token);
  }
  return out;
}

test('the manifest names the file as it is, within its size', () => {
  const data = readFileSync(modelPath);
  const file = manifest.files[0]!;
  expect(data.byteLength).toBeLessThanOrEqual(SIZE_BYTES_MAX);
  expect(file).toEqual({
    path: 'tabloom-demo.gguf',
    sizeBytes: data.byteLength,
    sha256: createHash('sha256').update(data).digest('hex'),
  });
});

test('the engine cuts every prompt into the tokens of the trainer', () => {
  expect(golden.length).toBeGreaterThanOrEqual(20);
  for (const row of golden) expect(model.tokenize(row.prompt, true)).toEqual(row.promptTokens);
});

test("greedy answers are the trainer's, token by token, to the same end", async () => {
  for (const row of golden) expect(await generate(row.promptTokens), row.prompt).toEqual(row.tokens);
});

/** Only how many of the frozen sets were missed is said anywhere: whoever reads which trains on them. */
async function missedOf(asked: readonly HeldOut[]): Promise<readonly HeldOut[]> {
  const judge = createJudge(new URL('../../scripts/demo-model/corpus/', import.meta.url));
  const missed: HeldOut[] = [];
  for (const one of asked) {
    const prompt = `<|im_start|>user\n${one.question}<|im_end|>\n<|im_start|>assistant\n`;
    const answer = model.detokenize([...(await generate(model.tokenize(prompt, true)))] as Token[]);
    if (!judge(one, answer)) missed.push(one);
  }
  return missed;
}

const questionsOf = (name: string) =>
  JSON.parse(readFileSync(path(`scripts/demo-model/${name}.json`), 'utf8')) as readonly HeldOut[];
/** A bare word can only be known by heart, so that it says nothing about questions never seen. */
const isBareWord = ({ question }: HeldOut) => !question.includes(' ');

test('the strangers’ questions are those written before the corpus', () => {
  const asked = questionsOf('strangers');
  const text = asked.map((one) => `${one.intent}\t${one.question}\t${JSON.stringify(one.expect)}\n`).join('');
  expect(createHash('sha256').update(text).digest('hex')).toBe(strangersHash);
  expect(asked.filter((one) => !isBareWord(one)).length).toBeGreaterThanOrEqual(150);
});

test('strangers’ questions are answered on topic, at least so often', async () => {
  const asked = questionsOf('strangers').filter((one) => !isBareWord(one));
  const missed = await missedOf(asked);
  expect(1 - missed.length / asked.length, `${missed.length} missed`).toBeGreaterThanOrEqual(onTopicMin);
});

test('the bare words of what one does here are known', async () => {
  const words = new Set(['stop', 'quit', 'close', 'exit', 'Safari', 'offline', 'tiers', 'wallet', 'search']);
  const asked = questionsOf('strangers').filter(({ question }) => words.has(question));
  expect(asked.length).toBe(words.size);
  expect(await missedOf(asked)).toEqual([]);
});

test('the questions held out of the first version are still answered on topic, at least eight in ten', async () => {
  const asked = questionsOf('heldout');
  const missed = await missedOf(asked);
  expect(asked.length).toBeGreaterThanOrEqual(200);
  expect(missed.length / asked.length, `${missed.length} missed`).toBeLessThanOrEqual(0.2);
});

test('a judge who is asked about another intent says no', () => {
  const judge = createJudge(new URL('../../scripts/demo-model/corpus/', import.meta.url));
  const [{ text }] = golden as readonly [Golden];
  expect(judge({ intent: 'about', question: '' }, text)).toBe(true);
  expect(judge({ intent: 'cost', question: '' }, text)).toBe(false);
  expect(judge({ intent: 'about', question: '' }, text.slice(0, 40))).toBe(false);
  expect(judge({ intent: 'sum', question: '', expect: '5' }, '5 + 1 = 6')).toBe(false);
  expect(judge({ intent: 'sum', question: '', expect: '5' }, '2 + 3 = 5')).toBe(true);
  expect(judge({ intent: 'story', question: 'of a cat' }, 'Once upon a time a robot sang. The end.')).toBe(false);
});

test('another prompt gives another answer', async () => {
  expect(await generate(golden[1]!.promptTokens)).not.toEqual(golden[0]!.tokens);
});

test('one answer is long enough to be stopped in the middle', () => {
  expect(Math.max(...golden.map((row) => row.tokens.length))).toBeGreaterThanOrEqual(200);
});
