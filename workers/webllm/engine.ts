import { abortError, anySignal, raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { textRequest } from '#lib/engine/answer.ts';
import { noWebGpu, readDevice, type NavigatorFacts } from '#lib/engine/device.ts';
import { fetchMlc } from '#lib/engine/files/fetch-mlc.ts';
import { removeMlcMetadata } from '#lib/engine/files/remove-mlc.ts';
import type { MlcSource } from '#lib/engine/files/mlc-layout.ts';
import { fit } from '#lib/engine/fit.ts';
import { readMlcTemplate } from '#lib/engine/mlc-prompt.ts';
import { createProgressMeter } from '#lib/engine/progress.ts';
import { createSlots } from '#lib/engine/slots.ts';
import type { Engine, EngineInfo, LoadedModel, LoadOptions, ModelEntry } from '#lib/engine/spec.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { MLCEngine, type InitProgressReport, type ModelRecord } from '@mlc-ai/web-llm';
import { createLoadReport } from './load-report.ts';
import { runWebllm } from './run.ts';
import { startError } from './start-error.ts';

export interface WebllmEngineOptions {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly caches: CacheStorage;
  readonly navigator: NavigatorFacts;
  /** Aborts with `device-lost`. */
  readonly deviceLost: AbortSignal;
}

const build = 'web-llm 0.2.86';

/**
 * WebLLM has its own grammar engine; formats and tool calls are not listed until the compliance suite has proven them
 * on a GPU.
 */
const features = ['seed', 'resume-text'] as const satisfies readonly Feature[];

/** WebLLM on WebGPU: one model, one answer at a time. `fetchMlc` puts verified files into WebLLM's caches. */
export function createWebllmEngine(options: WebllmEngineOptions): Engine {
  const { clock } = options;
  let info: EngineInfo = { name: 'webllm', build, deviceClass: 'webgpu-unknown' };
  let current: LoadedModel | undefined;

  async function load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
    throwIfAborted(signal);
    const { source } = model;
    if (source.kind !== 'mlc') {
      throw new TabloomError('model-unknown', `WebLLM has no build of "${model.name}". Choose another engine.`);
    }
    const device = await readDevice(options.navigator);
    const fitted = fit(model, device);
    if (fitted.verdict === 'no-webgpu' || fitted.verdict === 'needs-f16') throw noWebGpu(fitted.message);
    if (fitted.verdict === 'too-large') throw new TabloomError('model-too-large', fitted.message);
    info = { ...info, deviceClass: `webgpu-${device.webgpu === 'software' ? 'software' : device.vendor}` };
    await current?.unload();

    const report = createLoadReport(createProgressMeter(clock, onProgress), model.sizeBytes);
    const { config } = await fetchMlc(source, { ...options, onProgress: report.files, signal });
    const engine = await start(model, source, anySignal([signal, options.deviceLost]), report.start).catch(
      async (error: unknown) => {
        // The stored files may be inconsistent; make the next load fetch them again.
        if (errorCode(error) === 'model-corrupt')
          await removeMlcMetadata(source, options.caches).catch(() => undefined);
        throw error;
      },
    );
    const template = readMlcTemplate(config.conv_template);
    const slots = createSlots(1, (asked, streamSignal) =>
      runWebllm(textRequest(asked, features), {
        engine,
        clock,
        contextTokens: model.contextTokens,
        template,
        // Qwen3 reasons by default; turning that off requires its template.
        thinking: template && /qwen3/i.test(source.weightsUrl) ? 'off' : 'as-trained',
        signal: streamSignal,
        deviceLost: options.deviceLost,
      }),
    );
    report.ready();
    current = {
      model,
      engine: info,
      contextTokens: model.contextTokens,
      kinds: ['chat', 'completion'],
      features,
      slots: 1,
      doStream: slots.doStream,
      async unload() {
        await slots.close();
        await engine.unload();
      },
      lost: options.deviceLost,
    };
    return current;
  }

  return {
    get info() {
      return info;
    },
    load,
    async close() {
      await current?.unload();
    },
  };
}

async function start(
  model: ModelEntry,
  source: MlcSource,
  signal: AbortSignal,
  onStep: (step: InitProgressReport) => void,
): Promise<MLCEngine> {
  const record: ModelRecord = {
    model: source.weightsUrl,
    model_id: model.name,
    model_lib: source.libraryUrl,
    overrides: { context_window_size: model.contextTokens },
    ...(source.f16 ? { required_features: ['shader-f16'] } : {}),
    ...(source.integrity ? { integrity: integrityOf(source.integrity) } : {}),
  };
  const engine = new MLCEngine({
    appConfig: { model_list: [record], cacheBackend: 'cache' },
    logLevel: 'SILENT',
    initProgressCallback: onStep,
  });
  try {
    await raceSignal(engine.reload(model.name), signal);
    return engine;
  } catch (cause) {
    void engine.unload().catch(() => undefined);
    if (signal.aborted) throw abortError(signal);
    throw startError(cause);
  }
}

function integrityOf(hashes: Readonly<Record<string, string>>): NonNullable<ModelRecord['integrity']> {
  const { config, model_lib, ...tokenizer } = hashes;
  return {
    ...(config ? { config } : {}),
    ...(model_lib ? { model_lib } : {}),
    ...(Object.keys(tokenizer).length > 0 ? { tokenizer } : {}),
  };
}
