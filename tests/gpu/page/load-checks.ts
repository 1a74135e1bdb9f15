import { errorCode } from '#lib/base/errors.ts';
import { createStoredModels } from '#lib/engine/stored-models.ts';
import type { LoadProgress } from '#lib/engine/spec.ts';
import type { PageCheck } from './check.ts';
import { assert } from '../../compliance/engine-kit.ts';
import { chat, createEngine, modelOf, read, seconds, type Setup } from './subject.ts';

const order: readonly LoadProgress['phase'][] = ['download', 'verify', 'cache', 'compile', 'ready'];

async function load(setup: Setup, abortIn?: LoadProgress['phase']) {
  const engine = createEngine(setup);
  const steps: LoadProgress[] = [];
  const controller = new AbortController();
  const startedMs = performance.now();
  const onProgress = (step: LoadProgress) => {
    steps.push(step);
    if (step.phase === abortIn) controller.abort();
  };
  try {
    await engine.load(modelOf(setup), { signal: controller.signal, onProgress });
    return { code: 'ok', steps, tookMs: performance.now() - startedMs, info: engine.info };
  } catch (error) {
    return { code: errorCode(error) + said(error), steps, tookMs: performance.now() - startedMs, info: engine.info };
  } finally {
    await engine.close();
  }
}

export async function fillStore(setup: Setup): Promise<void> {
  const stored = await createStoredModels(caches, [modelOf(setup)]).list();
  if (stored.length > 0) return;
  const { code } = await load(setup);
  assert(code === 'ok', code);
}

const said = (error: unknown): string => {
  const details = (error as { details?: unknown }).details;
  return errorCode(error) === 'aborted' ? '' : ` ${String(error)} ${JSON.stringify(details ?? null)}`;
};

/** The phases in their order, each with the time it was first and last heard of. */
function phasesOf(steps: readonly LoadProgress[]): string {
  const lines: string[] = [];
  let from = 0;
  for (const [index, step] of steps.entries()) {
    const next = steps[index + 1];
    if (next?.phase === step.phase) continue;
    if (step.phase !== 'ready') lines.push(`${step.phase} ${seconds((next ?? step).elapsedMs - from)}`);
    from = (next ?? step).elapsedMs;
  }
  return lines.join(', ');
}

function assertProgress(steps: readonly LoadProgress[]): void {
  for (const [index, step] of steps.entries()) {
    const before = steps[index - 1];
    assert(step.loadedBytes <= step.totalBytes || step.totalBytes === 0, 'more bytes loaded than there are');
    if (!before) continue;
    assert(step.elapsedMs >= before.elapsedMs, 'the time ran backwards');
    const [was, is] = [order.indexOf(before.phase), order.indexOf(step.phase)];
    assert(is >= was, `the phase "${step.phase}" came after "${before.phase}"`);
    assert(is > was || step.loadedBytes >= before.loadedBytes, `bytes went back in "${step.phase}"`);
  }
  const last = steps.at(-1);
  assert(
    last?.phase === 'ready' && last.totalBytes > 0 && last.loadedBytes === last.totalBytes,
    'the last step is not a whole model',
  );
}

/** Bytes, seconds and phases of a load, and what an interruption leaves. */
export const loadChecks: readonly PageCheck[] = [
  {
    name: 'loads from an empty store, with progress',
    async run(setup) {
      await createStoredModels(caches, [modelOf(setup)]).delete(modelOf(setup));
      const { code, steps, tookMs, info } = await load(setup);
      assert(code === 'ok', code);
      assertProgress(steps);
      const bytes = steps.findLast(({ phase }) => phase === 'download')?.totalBytes ?? 0;
      assert(bytes > 0, 'no bytes were said to come');
      return `${Math.round(bytes / 1e6)} MB in ${seconds(tookMs)}: ${phasesOf(steps)}; ${info.deviceClass}`;
    },
  },
  {
    name: 'loads from its store while the network refuses',
    network: 'refused',
    async run(setup) {
      const { code, steps, tookMs } = await load(setup);
      assert(code === 'ok', code);
      assertProgress(steps);
      assert(
        steps.every(({ fromCache }) => fromCache),
        'something was said to come from the network',
      );
      return `${seconds(tookMs)}: ${phasesOf(steps)}`;
    },
  },
  ...(['cache', 'compile'] as const).map((phase): PageCheck => ({
    name: `a load cancelled in its phase "${phase}" ends, and the next one works`,
    network: 'refused',
    async run(setup) {
      const cut = await load(setup, phase);
      assert(cut.code === 'aborted', cut.code);
      assert(cut.steps.at(-1)?.phase === phase, `the load went on to "${cut.steps.at(-1)?.phase}"`);
      const again = await load(setup);
      assert(again.code === 'ok', again.code);
      return `cancelled after ${seconds(cut.tookMs)}`;
    },
  })),
  {
    name: 'one engine unloads and loads again',
    network: 'refused',
    async run(setup) {
      const engine = createEngine(setup);
      try {
        const first = await engine.load(modelOf(setup), {});
        const { text } = await read(first, chat('Hello', 2));
        await first.unload();
        const again = await engine.load(modelOf(setup), {});
        assert((await read(again, chat('Hello', 2))).text === text, 'another greedy text after loading again');
      } finally {
        await engine.close();
      }
      return '';
    },
  },
];
