import variant from '@jitl/quickjs-wasmfile-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
} from 'quickjs-emscripten-core';

export interface ScriptLimits {
  /** How long a script may run. */
  readonly timeMs: number;
  readonly memoryBytes: number;
}

export const scriptLimits: ScriptLimits = { timeMs: 2_000, memoryBytes: 32 * 1024 * 1024 };

export interface ScriptOutcome {
  readonly outcome: 'done' | 'failed' | 'too-slow';
  /** What it logged and its value, or its error. */
  readonly text: string;
}

const stackBytes = 512 * 1024;
/** Characters that are kept of what a script logs, and of its value. */
const textLengthMax = 20_000;
/** Steps of promises that are taken before a script counts as too slow. */
const jobsMax = 10_000;

/**
 * An interpreter apart from the page: a script has the language, `console.log`, and nothing else: no network, files, timers or page.
 * @param wasmUrl where its code lies; left out where it is read from the package.
 */
export async function createScriptRunner(wasmUrl: string | undefined, elapsedMs: () => number) {
  const quickjs = await newQuickJSWASMModuleFromVariant(
    wasmUrl === undefined ? variant : newVariant(variant, { wasmLocation: wasmUrl }),
  );

  return (code: string, limits: ScriptLimits = scriptLimits): ScriptOutcome => {
    const runtime = quickjs.newRuntime();
    runtime.setMemoryLimit(limits.memoryBytes);
    runtime.setMaxStackSize(stackBytes);
    const untilMs = elapsedMs() + limits.timeMs;
    let interrupted = false;
    runtime.setInterruptHandler(() => (interrupted ||= elapsedMs() > untilMs));
    const context = runtime.newContext();
    const logged: string[] = [];
    provideConsole(context, (line) => keep(logged, line));
    const tooSlow = () => ({ outcome: 'too-slow' as const, text: logged.join('\n') });
    try {
      const result = context.evalCode(code, 'script.js');
      if (result.error) {
        const text = describe(context, result.error);
        return interrupted ? tooSlow() : { outcome: 'failed', text: [...logged, text].join('\n') };
      }
      const ran = runtime.executePendingJobs(jobsMax);
      if (ran.error) ran.error.dispose();
      if (interrupted || runtime.hasPendingJob()) {
        result.value.dispose();
        return tooSlow();
      }
      return settle(context, result.value, logged);
    } finally {
      context.dispose();
      runtime.dispose();
    }
  };
}

/** A promise that is settled counts as what it holds. */
function settle(context: QuickJSContext, value: QuickJSHandle, logged: readonly string[]): ScriptOutcome {
  const state = context.getPromiseState(value);
  if (state.type === 'rejected') {
    const text = describe(context, state.error);
    value.dispose();
    return { outcome: 'failed', text: [...logged, text].join('\n') };
  }
  if (state.type === 'pending') {
    value.dispose();
    return {
      outcome: 'failed',
      text: [...logged, 'The promise was never settled: there are no timers here.'].join('\n'),
    };
  }
  const text = describe(context, state.value);
  if (!state.notAPromise) value.dispose();
  return { outcome: 'done', text: [...logged, `→ ${text}`].join('\n') };
}

function provideConsole(context: QuickJSContext, log: (line: string) => void): void {
  const console = context.newObject();
  for (const name of ['log', 'info', 'warn', 'error']) {
    const write = context.newFunction(name, (...values) => {
      log(values.map((value) => textOf(context.dump(value))).join(' '));
    });
    context.setProp(console, name, write);
    write.dispose();
  }
  context.setProp(context.global, 'console', console);
  console.dispose();
}

function describe(context: QuickJSContext, handle: QuickJSHandle): string {
  const value: unknown = context.dump(handle);
  handle.dispose();
  return textOf(value).slice(0, textLengthMax);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return `${value}n`;
  if (value && typeof value === 'object' && 'name' in value && 'message' in value && 'stack' in value)
    return `${String(value.name)}: ${String(value.message)}`;
  return (
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? String(value)
  );
}

function keep(logged: string[], line: string): void {
  const room = textLengthMax - logged.reduce((sum, { length }) => sum + length + 1, 0);
  if (room > 0) logged.push(line.slice(0, room));
}
