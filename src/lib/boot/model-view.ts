import { concatBytes } from '#lib/base/bytes.ts';
import { chooseBuild } from '#lib/engine/builds.ts';
import { cardOf } from '#lib/engine/catalog.ts';
import type { DeviceFacts } from '#lib/engine/device.ts';
import { weightsListFile } from '#lib/engine/files/mlc-layout.ts';
import { fit } from '#lib/engine/fit.ts';
import type { ModelEntry, ModelSource } from '#lib/engine/spec.ts';
import type { ModelView } from '#lib/state/library.ts';

/** What the page knows in addition to the engine's own check. */
export interface PageFacts {
  readonly phone: boolean;
  /** Bytes this site may still store; undefined if the browser does not report it. */
  readonly roomBytes: number | undefined;
}

/** Left free besides a download. */
const spareBytes = 50e6;
/** Phones kill tabs that use more. */
export const phoneMemoryBytesMax = 1.2e9;

/** Whether this tab should run a model, with the reason in one sentence. */
export function tabFit(model: ModelEntry, device: DeviceFacts, page: PageFacts, storedBytes: number): ModelView['fit'] {
  const { verdict, message } = fit(model, device);
  if (verdict !== 'fits' && verdict !== 'tight') return { fits: false, reason: message };
  if (page.phone && model.memoryBytes > phoneMemoryBytesMax)
    return { fits: false, reason: 'Too large for a phone: the system would close the tab.' };
  const missing = Math.max(0, model.sizeBytes - storedBytes);
  if (missing > 0 && page.roomBytes !== undefined && missing + spareBytes > page.roomBytes)
    return { fits: false, reason: 'The browser has no space left for it. Delete another model first.' };
  if (verdict === 'tight') return { fits: true, reason: message };
  if (model.source.kind === 'browser') return { fits: true, reason: 'Comes with this browser.' };
  return { fits: true, reason: `Fits this device (${model.source.kind === 'mlc' ? 'GPU' : 'CPU'}).` };
}

/** A model as the pages show it. */
export function toModelView(
  model: ModelEntry,
  facts: Pick<ModelView, 'engine' | 'own' | 'cachedBytes'> & { readonly device: DeviceFacts; readonly page: PageFacts },
): ModelView {
  const { device, page, engine, own, cachedBytes } = facts;
  const { name, title, parameters, quantisation, contextTokens, memoryBytes, licence } = model;
  const sizeBytes = model.sizeBytes || undefined;
  const missingBytes = sizeBytes === undefined ? undefined : Math.max(0, sizeBytes - cachedBytes);
  const card = own ? undefined : cardOf(name);
  const fit = tabFit(model, device, page, cachedBytes);
  return {
    name,
    title,
    parameters,
    quantisation,
    contextTokens,
    sizeBytes,
    missingBytes,
    memoryBytes,
    licence,
    engine,
    own,
    cachedBytes,
    fit,
    domains: card?.domains ?? [],
    languages: card?.languages ?? [],
    cardUrl: card?.url,
    ...(model.base === undefined ? {} : { base: model.base }),
  };
}

/** Says of builds of one model which of them is used here, and why. @param speedOf what was measured of a build here. */
export function withChoices(
  models: readonly ModelView[],
  speedOf: (name: string) => number | undefined,
): readonly ModelView[] {
  const builds = Map.groupBy(models, ({ base, name }) => base ?? name);
  return models.map((model) => {
    const all = model.base === undefined ? [] : builds.get(model.base)!;
    if (all.length < 2) return model;
    const choice = chooseBuild(all.map((one) => ({ model: one, fits: one.fit.fits, decodeTps: speedOf(one.name) })));
    if (!choice) return model;
    const { name, why } = choice;
    return { ...model, build: { chosen: name === model.name, why, decodeTps: speedOf(model.name) } };
  });
}

const timeoutMs = 8_000;
/** Lists of large models take some hundred kilobytes. */
const listBytesMax = 4 * 1024 * 1024;

/** Bytes of a model's files, as their publisher states them; undefined if that is not known. */
export async function downloadBytes(
  source: ModelSource,
  { fetch }: { readonly fetch: typeof globalThis.fetch },
): Promise<number | undefined> {
  const options = { signal: AbortSignal.timeout(timeoutMs), credentials: 'omit' } as const;
  if (source.kind === 'gguf') {
    const { ok, headers } = await fetch(source.url, { ...options, method: 'HEAD' });
    // The length of a compressed body is not that of the file.
    const length = ok && !headers.has('content-encoding') ? Number(headers.get('content-length')) : 0;
    return Number.isSafeInteger(length) && length > 0 ? length : undefined;
  }
  if (source.kind !== 'mlc') return undefined;
  const list = weightsListFile(source);
  const response = await fetch(list.url, options);
  if (!response.ok || !response.body) return undefined;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const piece of response.body) {
    length += piece.length;
    if (length > listBytesMax) return undefined;
    pieces.push(piece);
  }
  return list.read(concatBytes(...pieces))?.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
