/**
 * Small texts that survive a reload but not closing the tab: the draft, and which conversation was open. Without
 * browser storage only this is lost.
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
        // Storage full or forbidden.
      }
    },
  };
}
