import type { ModelView } from '#lib/state/library.ts';

/** Reasons that keep more than one model from running here, each with how many it keeps. */
export function sharedObstacles(models: readonly Pick<ModelView, 'fit'>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { fit } of models) if (!fit.fits) counts.set(fit.reason, (counts.get(fit.reason) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count > 1));
}
