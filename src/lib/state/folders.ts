import type { ConversationRecord } from './records.ts';

export interface Folder {
  /** Undefined for the conversations that are in none. */
  readonly name: string | undefined;
  readonly conversations: readonly ConversationRecord[];
}

/** As folders are named: on one line, and not longer than is kept. Undefined if nothing is left. */
export const folderName = (given: string): string | undefined =>
  given.replace(/\s+/g, ' ').trim().slice(0, folderLengthMax).trim() || undefined;

export const folderLengthMax = 60;

/** Folders by name, then the conversations that are in none; inside, in the order given. Empty groups are left out. */
export function toFolders(conversations: readonly ConversationRecord[]): readonly Folder[] {
  const groups = Map.groupBy(conversations, ({ folder }) => folder);
  return [...groups]
    .map(([name, inside]) => ({ name, conversations: inside }))
    .sort((a, b) => Number(a.name === undefined) - Number(b.name === undefined) || inOrder(a.name, b.name));
}

const inOrder = (a: string | undefined, b: string | undefined): number =>
  (a ?? '').localeCompare(b ?? '', undefined, { numeric: true });
