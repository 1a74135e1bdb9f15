import type { DeviceFacts } from '#lib/engine/device.ts';
import { fit } from '#lib/engine/fit.ts';
import type { ModelEntry } from '#lib/engine/spec.ts';
import type { ModelView } from '#lib/state/library.ts';

/** What a page adds to the engine's own check. */
export interface PageFacts {
  readonly phone: boolean;
  /** Bytes the browser lets this site keep beyond what it keeps now; undefined where it does not say. */
  readonly roomBytes: number | undefined;
}

/** Left free beside a download. */
const spareBytes = 50e6;
/** Phones end tabs that take more. */
const phoneMemoryBytesMax = 1.2e9;

/** Whether this tab should run a model, with the reason in a sentence. */
export function tabFit(model: ModelEntry, device: DeviceFacts, page: PageFacts, storedBytes: number): ModelView['fit'] {
  const { verdict, message } = fit(model, device);
  if (verdict !== 'fits' && verdict !== 'tight') return { fits: false, reason: message };
  if (page.phone && model.memoryBytes > phoneMemoryBytesMax)
    return { fits: false, reason: 'Too large for a phone: the system would close the tab.' };
  const missing = Math.max(0, model.sizeBytes - storedBytes);
  if (missing > 0 && page.roomBytes !== undefined && missing + spareBytes > page.roomBytes)
    return { fits: false, reason: 'The browser has no space left for it. Delete another model first.' };
  if (verdict === 'tight') return { fits: true, reason: message };
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
  };
}
