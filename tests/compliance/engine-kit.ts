import { errorCode } from '#lib/base/errors.ts';
import type { Engine, EngineEvent, EngineRequest, LoadedModel, ModelEntry, RequestOf } from '#lib/engine/spec.ts';
import { foldOutput, emptyOutput, partTokens, type Output } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';

/**
 * The contract of every engine. The cases are independent of a test runner, because they also run inside a browser
 * page: they throw on failure. Each gets a fresh engine and closes it, or borrows a loaded model. A model must support
 * the features it lists and refuse all others.
 */
export interface EngineSubject {
  createEngine(): Engine | Promise<Engine>;
  /** Lends a loaded model to a case that leaves it unchanged; without it, each case loads its own. */
  readonly lend?: (use: (loaded: LoadedModel) => Promise<void>) => Promise<void>;
  readonly model: ModelEntry;
  /** An entry the engine must refuse, and with which code. */
  readonly bad: { readonly model: ModelEntry; readonly code: string };
  /** `exact`: greedy decoding resumed from text equals an uninterrupted run. */
  readonly resume: 'exact' | 'continues';
  /** `counted`: prompts longer than the context are refused with `too-long`. `remote`: the server decides. */
  readonly context: 'counted' | 'remote';
  /** Kinds of request it supports; a remote chat server has no raw completion. */
  readonly kinds: readonly EngineRequest['kind'][];
  /** Token ids of the prompt of `story`, for engines that score. */
  readonly storyPromptIds?: readonly number[];
  /** Token ids of the greedy answer to `story`, for engines that accept ids but report none. */
  readonly storyIds?: readonly number[];
  /** Of the first of these, as another engine of the same artefact finds them. */
  readonly storyLogprobs?: readonly number[];
}

export interface EngineCase {
  readonly name: string;
  readonly run: (subject: EngineSubject) => Promise<void>;
}

type ChatRequest = RequestOf<'chat'>;
export const story = 'Tell me a short story.';

export const chat = (
  text: string,
  params: Partial<ChatRequest['params']> = {},
  tools?: ChatRequest['input']['tools'],
): ChatRequest => ({
  kind: 'chat',
  input: { messages: [{ role: 'user', content: text }], ...(tools ? { tools } : {}) },
  params: { maxTokens: 24, temperature: 0, ...params },
});

export interface Answer {
  readonly text: string;
  readonly output: Output;
  readonly tokens: number;
  /** Undefined if any part lacks ids. */
  readonly ids: readonly number[] | undefined;
  readonly finishes: readonly Extract<EngineEvent, { type: 'finish' }>[];
  readonly warnings: readonly string[];
  /** Parts with content. */
  readonly parts: readonly Part[];
}

export async function read(events: AsyncIterable<EngineEvent>): Promise<Answer> {
  let output = emptyOutput;
  let tokens = 0;
  let ids: number[] | undefined = [];
  const parts: Part[] = [];
  const warnings: string[] = [];
  const finishes: Extract<EngineEvent, { type: 'finish' }>[] = [];
  for await (const event of events) {
    if (event.type === 'finish') {
      finishes.push(event);
      continue;
    }
    assert(finishes.length === 0, 'something came after the finish');
    if (event.type === 'warning') {
      warnings.push(event.code);
      continue;
    }
    parts.push(event);
    output = foldOutput(output, event);
    tokens += partTokens(event);
    if (!('tokens' in event) || event.tokens === 0) continue;
    if (event.ids) ids?.push(...event.ids);
    else ids = undefined;
  }
  return { text: output.text, output, tokens, ids, finishes, warnings, parts };
}

export const ask = (loaded: LoadedModel, request: EngineRequest) => read(loaded.doStream(request, {}));

export async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    return errorCode(error);
  }
  return 'nothing-thrown';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(a === b, `${what}: got ${a}, wanted ${b}`);
}

type LoadedRun = (loaded: LoadedModel, subject: EngineSubject) => Promise<void>;

export const loadedCase = (name: string, run: LoadedRun): EngineCase => ({
  name,
  run: (subject) => (subject.lend ?? loadingEach(subject))((loaded) => run(loaded, subject)),
});

/** For a case that leaves its model unusable for others. */
export const freshCase = (name: string, run: LoadedRun): EngineCase => ({
  name,
  run: (subject) => loadingEach(subject)((loaded) => run(loaded, subject)),
});

type Loading = Pick<EngineSubject, 'createEngine' | 'model'>;

const loadingEach =
  ({ createEngine, model }: Loading): NonNullable<EngineSubject['lend']> =>
  async (use) => {
    const engine = await createEngine();
    try {
      await use(await engine.load(model, {}));
    } finally {
      await engine.close();
    }
  };

/** Loads once for all cases, since loading takes most of the time, and again after a failed case. */
export function loadingOnce({ createEngine, model }: Loading) {
  let lent: { readonly engine: Engine; readonly loaded: LoadedModel } | undefined;
  const close = async () => {
    await lent?.engine.close();
    lent = undefined;
  };
  const lend: NonNullable<EngineSubject['lend']> = async (use) => {
    if (!lent) {
      const engine = await createEngine();
      lent = { engine, loaded: await engine.load(model, {}) };
    }
    try {
      await use(lent.loaded);
    } catch (error) {
      await close();
      throw error;
    }
  };
  return { lend, close };
}
