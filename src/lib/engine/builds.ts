import type { ModelEntry } from './spec.ts';

/** One of the builds of a model, as this device knows it. */
export interface Build {
  readonly model: Pick<ModelEntry, 'name'>;
  readonly fits: boolean;
  /** Tokens a second, as measured here; undefined until it was. */
  readonly decodeTps: number | undefined;
}

/**
 * The build to use, and why. `only`: no other runs here; `faster`: it was the fastest when they were measured; `unmeasured`: it is
 * the first in the list, and not all have been measured.
 */
export interface BuildChoice {
  readonly name: string;
  readonly why: 'only' | 'faster' | 'unmeasured';
}

/** Chooses by what was measured and nothing else; undefined where none runs here. @param builds in order of preference. */
export function chooseBuild(builds: readonly Build[]): BuildChoice | undefined {
  const able = builds.filter(({ fits }) => fits);
  const [first] = able;
  if (!first) return undefined;
  if (able.length === 1) return { name: first.model.name, why: 'only' };
  if (able.some(({ decodeTps }) => decodeTps === undefined)) return { name: first.model.name, why: 'unmeasured' };
  const fastest = able.reduce((best, one) => (one.decodeTps! > best.decodeTps! ? one : best));
  return { name: fastest.model.name, why: 'faster' };
}
