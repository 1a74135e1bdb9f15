import { systemClock } from '#lib/base/clock.ts';
import { customModel, demoModel } from '#lib/engine/catalog.ts';
import type { Engine, EngineEvent, EngineRequest, LoadedModel, ModelEntry } from '#lib/engine/spec.ts';
import { createWorkerEngine } from '#lib/engine/worker/client.ts';
import type { EngineSubject } from '../../compliance/engine.ts';

/** What the driver knows and the page does not. */
export interface Setup {
  readonly f16: boolean;
  readonly contextTokens: number;
  /** A processor that plays a GPU needs a minute for what takes a GPU a moment. */
  readonly cancelGraceMs: number;
}

export const createEngine = (setup: Setup): Engine =>
  createWorkerEngine({
    info: { name: 'webllm', build: '', deviceClass: 'webgpu-unknown' },
    clock: systemClock,
    spawn: () => new Worker(new URL('../../../workers/webllm.worker.ts', import.meta.url), { type: 'module' }),
    cancelGraceMs: setup.cancelGraceMs,
  });

/** The served weights as a model of the catalog's shape. `thinks`: its address makes the adapter ask for no thoughts. */
export function modelOf(setup: Setup, kind: 'plain' | 'thinks' = 'plain'): ModelEntry {
  const folder = kind === 'thinks' ? 'qwen3' : 'model';
  return customModel({
    name: `under-test-${kind}`,
    source: {
      kind: 'mlc',
      weightsUrl: `${location.origin}/${folder}/resolve/main/`,
      libraryUrl: `${location.origin}/library.wasm`,
      f16: setup.f16,
    },
    contextTokens: setup.contextTokens,
  });
}

export const subjectOf = (setup: Setup): EngineSubject => ({
  createEngine: () => createEngine(setup),
  model: modelOf(setup),
  bad: { model: demoModel, code: 'model-unknown' },
  resume: 'exact',
  context: 'counted',
  kinds: ['chat', 'completion'],
});

export const chat = (content: string, maxTokens: number, more: Partial<EngineRequest> = {}): EngineRequest =>
  ({
    kind: 'chat',
    input: { messages: [{ role: 'user', content }] },
    params: { maxTokens, temperature: 0 },
    ...more,
  }) as EngineRequest;

export interface PageAnswer {
  readonly text: string;
  /** Of the parts as they came. */
  readonly tokens: number;
  readonly finish: Extract<EngineEvent, { type: 'finish' }>;
}

export async function read(loaded: LoadedModel, request: EngineRequest): Promise<PageAnswer> {
  let text = '';
  let tokens = 0;
  for await (const event of loaded.doStream(request, {})) {
    if (event.type === 'text-delta') {
      text += event.text;
      tokens += event.tokens;
    }
    if (event.type === 'finish') return { text, tokens, finish: event };
  }
  throw new Error('no finish');
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`;
