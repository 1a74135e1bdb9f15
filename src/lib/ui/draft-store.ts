/**
 * Small texts that outlive a reload of this tab and not the tab itself: what was being written, which conversation was
 * open. A browser that keeps nothing costs only this.
 */
export interface DraftStore {
  read(): string;
  write(text: string): void;
}

export function createDraftStore(
  key: string,
  storage: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>,
): DraftStore {
  return {
    read() {
      try {
        return storage().getItem(key) ?? '';
      } catch {
        return '';
      }
    },
    write(text) {
      try {
        if (text === '') storage().removeItem(key);
        else storage().setItem(key, text);
      } catch {
        // Full or forbidden.
      }
    },
  };
}
