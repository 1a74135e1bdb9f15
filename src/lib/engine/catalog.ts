import { TabloomError } from '#lib/base/errors.ts';
import { demoModel } from './catalog/demo.ts';
import { mlcModels } from './catalog/mlc.ts';
import type { ModelEntry } from './spec.ts';

export { cardOf } from './catalog/cards.ts';
export { customModel } from './catalog/custom.ts';
export { remoteModel } from './catalog/remote.ts';
export { scriptedModel } from './catalog/scripted.ts';

/** The built-in models, in the order they are shown. */
export const catalog: readonly ModelEntry[] = [demoModel, ...mlcModels];

export { demoModel };

/** Finds a model by name or artefact id. @throws `model-unknown`. */
export function findModel(name: string): ModelEntry {
  const model = catalog.find((entry) => entry.name === name || entry.artefact === name);
  if (!model)
    throw new TabloomError('model-unknown', `No model "${name}" is in the catalog. Choose one of the listed names.`);
  return model;
}

/** The entry with this artefact id; undefined for models outside the catalog. */
export const modelOfArtefact = (artefact: string): ModelEntry | undefined =>
  catalog.find((entry) => entry.artefact === artefact);
