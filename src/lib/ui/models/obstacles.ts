import type { ModelView } from '#lib/state/library.ts';

/** Reasons that prevent more than one model from running here, with the number of models. */
export function sharedObstacles(models: readonly Pick<ModelView, 'fit'>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { fit } of models) if (!fit.fits) counts.set(fit.reason, (counts.get(fit.reason) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count > 1));
}
