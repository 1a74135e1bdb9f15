import { loadPart } from '#lib/base/part.ts';
import type { Stored } from './app.svelte.ts';
import type { ConversationRecord } from './records.ts';
import type { Search, SearchHit } from './search-index.ts';

export type LazySearch = (query: string, records: readonly ConversationRecord[]) => Promise<readonly SearchHit[]>;

/** Search whose code is loaded with the first query; what fails is tried again with the next. */
export function createLazySearch(stored: Promise<Stored>): LazySearch {
  let loading: Promise<Search> | undefined;
  const load = async () => {
    const { createSearch } = await loadPart(() => import('./search-index.ts'));
    return createSearch((await stored).history);
  };
  return async (query, records) => {
    loading ??= load();
    try {
      return await (await loading).search(query, records);
    } catch (error) {
      loading = undefined;
      throw error;
    }
  };
}
