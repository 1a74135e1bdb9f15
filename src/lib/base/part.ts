import { TabloomError } from './errors.ts';

/**
 * A part of the program that is fetched when it is first needed: `loadPart(() => import('…'))`. A browser may remember that
 * a file could not be had, so that only a reload gets it.
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
