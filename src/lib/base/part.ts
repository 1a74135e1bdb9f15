import { TabloomError } from './errors.ts';

/**
 * Loads a part of the program when it is first needed: `loadPart(() => import('…'))`. A browser may cache the failure to load
 * a file, so that only a reload helps.
 * @throws `part-missing`.
 */
export async function loadPart<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new TabloomError(
      'part-missing',
      'Part of this page could not be loaded: this device is offline, or a newer version has been published. Reload the page.',
      { cause },
    );
  }
}

/**
 * Asks for several parts at once, each of which may fail alone: whoever needs one hears of its failure when it looks, and nobody else does.
 * `loadTogether({ tab: () => import('…'), net: () => import('…') })`.
 */
export function loadTogether<Loads extends Readonly<Record<string, () => Promise<unknown>>>>(
  loads: Loads,
): { readonly [Name in keyof Loads]: ReturnType<Loads[Name]> } {
  const loading = Object.entries(loads).map(([name, load]) => {
    const part = load();
    part.catch(() => undefined);
    return [name, part] as const;
  });
  return Object.fromEntries(loading) as { readonly [Name in keyof Loads]: ReturnType<Loads[Name]> };
}
