/**
 * Sentences of the rooms below the pages in another language. What stands in braces in the English sentence is taken over.
 * @param sentences each in English, and as it is to be shown.
 */
export function sentenceTranslator(
  sentences: readonly (readonly [english: string, translated: string])[],
): (sentence: string) => string {
  const fixed = new Map(sentences);
  const patterns = sentences
    .filter(([english]) => english.includes('{'))
    .map(([english, translated]) => ({ translated, pattern: new RegExp(`^${patternOf(english)}$`) }));
  return (sentence) => {
    const known = fixed.get(sentence);
    if (known !== undefined) return known;
    for (const { pattern, translated } of patterns) {
      const values = pattern.exec(sentence)?.groups;
      if (values) return translated.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
    }
    return sentence;
  };
}

const patternOf = (english: string): string =>
  english.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{(\w+)\}/g, '(?<$1>.{1,200}?)');
