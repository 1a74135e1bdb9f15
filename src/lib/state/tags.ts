import type { ConversationRecord } from './records.ts';

export const tagsMax = 20;
export const tagLengthMax = 40;

/** Tags as they are kept: single words in small letters, each once, in the order given. @param given with `#` before each or without, apart by spaces or commas. */
export function tagsOf(given: string): readonly string[] {
  const words = given
    .normalize('NFC')
    .toLowerCase()
    .split(/[\s,،、，#]+/u);
  const tags = words.map((word) => word.slice(0, tagLengthMax)).filter(Boolean);
  return [...new Set(tags)].slice(0, tagsMax);
}

/** As they are edited and shown: `#home #work`. */
export const tagsText = (tags: readonly string[] = []): string => tags.map((tag) => `#${tag}`).join(' ');

/** What is looked for: `#work` and `tag:work` are tags, or how they begin; the rest are words. */
export function readQuery(query: string): { readonly tags: readonly string[]; readonly words: string } {
  const tags: string[] = [];
  const words = query.split(/\s+/).filter((word) => {
    const [, tag] = /^(?:#|tag:)(.*)$/iu.exec(word) ?? [];
    if (tag === undefined) return true;
    tags.push(...tagsOf(tag));
    return false;
  });
  return { tags, words: words.join(' ').trim() };
}

/** Whether a conversation has a tag for each of these, which may be only begun. */
export const isTagged = ({ tags = [] }: Pick<ConversationRecord, 'tags'>, wanted: readonly string[]): boolean =>
  wanted.every((start) => tags.some((tag) => tag.startsWith(start)));
