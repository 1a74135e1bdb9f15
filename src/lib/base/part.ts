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
