/** A draft that survives a reload, in whichever of the browser's areas. Without browser storage only this is lost. */
export interface DraftStore {
  read(): string;
  write(text: string): void;
}

/** Where the draft of a saved conversation is kept. @param address its path. */
export const draftKey = (address: string): string => `tabloom-draft:${address}`;

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
