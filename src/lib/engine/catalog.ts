import { TabloomError } from '#lib/base/errors.ts';
import { demoModel } from './catalog/demo.ts';
import { mlcModels } from './catalog/mlc.ts';
import type { ModelEntry } from './spec.ts';

export { customModel } from './catalog/custom.ts';
export { remoteModel } from './catalog/remote.ts';
export { scriptedModel } from './catalog/scripted.ts';

/** What this build knows, in the order a person is offered it. */
export const catalog: readonly ModelEntry[] = [demoModel, ...mlcModels];

export { demoModel };

/** @throws `model-unknown`. */
export function findModel(name: string): ModelEntry {
  const model = catalog.find((entry) => entry.name === name || entry.artefact === name);
  if (!model) throw new TabloomError('model-unknown', `No model "${name}" is in the catalog. Choose one of its names.`);
  return model;
}

/** The entry whose files are exactly these, by artefact id; undefined for other people's models. */
export const modelOfArtefact = (artefact: string): ModelEntry | undefined =>
  catalog.find((entry) => entry.artefact === artefact);
