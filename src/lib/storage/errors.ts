import { TabloomError } from '#lib/base/errors.ts';

export const storageFull = (cause: unknown) =>
  new TabloomError('storage-full', 'This device has no storage left for Tabloom. Delete models or conversations.', {
    cause,
  });

export const storageUnavailable = (message: string, cause?: unknown) =>
  new TabloomError('storage-unavailable', message, { cause });

export const badValue = (cause: unknown) =>
  new TabloomError('storage-bad-value', 'Store plain data: this value contains something that cannot be cloned.', {
    cause,
  });

/** Maps a database failure to a coded error, by the names in the IndexedDB specification. */
export function storageError(cause: unknown): TabloomError {
  if (cause instanceof TabloomError) return cause;
  const name = typeof cause === 'object' && cause !== null && 'name' in cause ? cause.name : undefined;
  if (name === 'QuotaExceededError') return storageFull(cause);
  if (name === 'DataCloneError') return badValue(cause);
  if (name === 'VersionError') {
    return storageUnavailable('A newer version of Tabloom has used this storage. Reload the page to update.', cause);
  }
  return storageUnavailable(
    'Nothing can be saved on this device, as in a private window. Allow storage for this site.',
    cause,
  );
}
