import type { Clock } from '#lib/base/clock.ts';
import { createWorkerEngine } from '#lib/engine/worker/client.ts';
import type { Engine } from '#lib/engine/spec.ts';

/** The engines a tab can spawn, each in a dedicated worker of its own. Nothing is fetched before the first load. */
export type TabEngines = ReadonlyMap<string, () => Engine>;

export function createTabEngines(clock: Clock): TabEngines {
  const engines = new Map<string, Engine>();
  const once = (name: string, create: () => Engine) => {
    const engine = () => {
      const made = engines.get(name) ?? create();
      engines.set(name, made);
      return made;
    };
    return [name, engine] as const;
  };
  return new Map([
    once('wllama', () =>
      createWorkerEngine({
        info: { name: 'wllama', build: '', deviceClass: 'wasm-cpu' },
        spawn: () => new Worker(new URL('../../../workers/wllama.worker.ts', import.meta.url), { type: 'module' }),
        clock,
      }),
    ),
    once('webllm', () =>
      createWorkerEngine({
        info: { name: 'webllm', build: '', deviceClass: 'webgpu-unknown' },
        spawn: () => new Worker(new URL('../../../workers/webllm.worker.ts', import.meta.url), { type: 'module' }),
        clock,
      }),
    ),
  ]);
}
