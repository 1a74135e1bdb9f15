/** Saves one after another, so that an older state never overwrites a newer one. */
export function createSerialSave(write: () => Promise<void>) {
  let saving: Promise<void> = Promise.resolve();
  /** A save that has not begun yet will include whatever changes until then. */
  let next: Promise<void> | undefined;

  return {
    save(): Promise<void> {
      next ??= saving.then(() => {
        next = undefined;
        return write();
      });
      saving = next;
      return saving;
    },
    /** Resolves when everything is saved. */
    settled: () => saving,
  };
}
