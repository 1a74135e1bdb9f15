import MiniSearch from 'minisearch';
import { passagesOf, type Attachment, type SentAttachment } from './attachment.ts';
import type { ShelfPort } from './shelf.ts';

interface Passage {
  readonly id: number;
  readonly document: Attachment;
  readonly text: string;
}

interface Index {
  /** Of which documents it was made. */
  readonly of: string;
  readonly passages: readonly Passage[];
  readonly words: MiniSearch<{ readonly id: number; readonly text: string }>;
}

/** More would be answers by chance. */
const passagesMax = 12;

/** Search over all documents that are kept, by BM25 on this device. The index is made with the first question, and anew when they change. */
export function createShelfSearch(shelf: Pick<ShelfPort, 'list' | 'read'>) {
  let made: Index | undefined;

  const index = async (): Promise<Index> => {
    const listed = await shelf.list();
    const of = listed.map(({ id, name }) => `${id} ${name}`).join('\n');
    if (made?.of === of) return made;
    const documents = await Promise.all(listed.map(({ id }) => shelf.read(id)));
    const passages = documents
      .flatMap((document) => (document ? passagesOf(document).map((text) => ({ document, text })) : []))
      .map((passage, id): Passage => ({ ...passage, id }));
    const words: Index['words'] = new MiniSearch<{ id: number; text: string }>({ fields: ['text'] });
    await words.addAllAsync(passages.map(({ id, text }) => ({ id, text })));
    return (made = { of, passages, words });
  };

  return {
    /**
     * The passages that match a question best, in the order of their texts: one attachment for each document that has some.
     * @param lengthMax characters of them all, with what stands around them.
     */
    async find(question: string, lengthMax: number): Promise<readonly SentAttachment[]> {
      const { passages, words } = await index();
      const hits = words.search(question, { prefix: (term) => term.length > 3, fuzzy: false });
      const chosen = new Map<Attachment, Passage[]>();
      let left = lengthMax;
      let count = 0;
      for (const { id } of hits) {
        const passage = passages[Number(id)]!;
        const { document, text } = passage;
        const before = chosen.get(document);
        const cost = text.length + gap.length + (before ? 0 : 2 * document.name.length + frameLength);
        if (cost > left) continue;
        left -= cost;
        chosen.set(document, [...(before ?? []), passage]);
        if (++count === passagesMax) break;
      }
      return [...chosen].map(([document, found]) => ({
        id: document.id,
        name: document.name,
        text: found
          .sort((a, b) => a.id - b.id)
          .map(({ text }) => text)
          .join(gap),
        from: 'shelf',
        passages: { sent: found.length, of: passages.filter((passage) => passage.document === document).length },
      }));
    },
  };
}

export type ShelfSearch = ReturnType<typeof createShelfSearch>;

const gap = '\n[…]\n';
/** What stands around the passages of a document in the prompt, beside its name. */
const frameLength = 48;
