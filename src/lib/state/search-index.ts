import MiniSearch from 'minisearch';
import type { RankPassages } from './attachment.ts';
import { isTagged, readQuery } from './tags.ts';
import type { ConversationRecord, TurnRecord } from './records.ts';
import type { HistoryPort } from './tab.ts';

/** A turn in which the words of a query occur. */
export interface SearchHit {
  readonly conversation: string;
  readonly turn: string;
  readonly title: string;
  /** A piece of the question or the answer around the first word that was found. */
  readonly excerpt: string;
}

/** Turns that are searched at most, those of the newest conversations first. */
const turnsMax = 20_000;
const excerptLength = 90;

/** BM25. */
export const rankPassages: RankPassages = async (question, passages) => {
  const index = new MiniSearch<{ id: number; text: string }>({ fields: ['text'] });
  await index.addAllAsync(passages.map((text, id) => ({ id, text })));
  return index.search(question, { prefix: (term) => term.length > 3, fuzzy: false }).map(({ id }) => Number(id));
};

interface Entry {
  readonly id: string;
  readonly conversation: string;
  readonly turn: string;
  readonly title: string;
  readonly question: string;
  readonly answer: string;
}

/** Full-text search over everything saved. Made once, and again when a conversation has changed. */
export function createSearch(history: Pick<HistoryPort, 'turns'>) {
  let made: { readonly of: readonly ConversationRecord[]; readonly index: Promise<MiniSearch<Entry>> } | undefined;

  const build = async (records: readonly ConversationRecord[]): Promise<MiniSearch<Entry>> => {
    const index = new MiniSearch<Entry>({
      fields: ['title', 'question', 'answer'],
      storeFields: ['conversation', 'turn', 'title', 'question', 'answer'],
    });
    let left = turnsMax;
    for (const record of records) {
      if (left <= 0) break;
      const turns = (await history.turns(record.id)).slice(0, left);
      left -= turns.length;
      await index.addAllAsync(turns.map((turn) => entryOf(record, turn)));
    }
    return index;
  };

  return {
    /**
     * @param query words, and tags as in `#work`: then only what has them. Without words nothing is found.
     * @param records what may be searched now: in private mode nothing.
     */
    async search(query: string, records: readonly ConversationRecord[], limit = 8): Promise<readonly SearchHit[]> {
      const { tags, words } = readQuery(query);
      if (words === '' || records.length === 0) return [];
      if (made?.of !== records) made = { of: records, index: build(records) };
      const index = await made.index;
      const tagged = new Set(records.flatMap((record) => (isTagged(record, tags) ? [record.id] : [])));
      return index
        .search(words, { prefix: true, fuzzy: 0.15, combineWith: 'AND', boost: { title: 2, question: 1.5 } })
        .filter((hit) => tagged.has(String(hit['conversation'])))
        .slice(0, limit)
        .map(({ conversation, turn, title, question, answer, terms }) => ({
          conversation,
          turn,
          title,
          excerpt: excerptOf(`${question} ${answer}`, terms),
        }));
    },
  };
}

export type Search = ReturnType<typeof createSearch>;

const entryOf = ({ id, title }: ConversationRecord, { id: turn, question, answer }: TurnRecord): Entry => ({
  id: `${id}/${turn}`,
  conversation: id,
  turn,
  title,
  question,
  answer: answer.text,
});

function excerptOf(text: string, terms: readonly string[]): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  const lower = flat.toLowerCase();
  const found = terms.map((term) => lower.indexOf(term)).filter((at) => at >= 0);
  const at = Math.max(0, Math.min(...found, lower.length) - 24);
  const from = found.length === 0 ? 0 : at;
  return `${from > 0 ? '…' : ''}${flat.slice(from, from + excerptLength)}${flat.length > from + excerptLength ? '…' : ''}`;
}
