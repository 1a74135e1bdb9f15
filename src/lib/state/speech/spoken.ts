const pieceLengthMax = 200;

/**
 * What of an answer in Markdown is read aloud, in pieces of a few sentences.
 * @param codeWord what is said in place of a block of code.
 */
export function toSpoken(markdown: string, codeWord: string, language: string): readonly string[] {
  const text = markdown
    .replaceAll(
      /^ {0,3}(`{3,}(?!`)|~{3,}(?!~))[^\n]*\n[\s\S]*?(?:^ {0,3}\1[`~]*[ \t]*$|$(?![\s\S]))/gm,
      `\n\n${codeWord}\n\n`,
    )
    .replaceAll(/!?\[([^\]\n]{0,500})\]\([^)\n]{0,2000}\)/g, '$1')
    .replaceAll(/<[^>\n]{1,200}>/g, ' ')
    .replaceAll(/^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?)/gm, '')
    .replaceAll(/^[ \t:|-]+$/gm, '')
    .replaceAll('|', ', ')
    .replaceAll(/`+|\*{1,3}|~~|(?<![\p{L}\p{N}])_{1,3}|_{1,3}(?![\p{L}\p{N}])/gu, '');
  const sentences = new Intl.Segmenter(language, { granularity: 'sentence' });
  const pieces: string[] = [];
  for (const line of text.split('\n')) {
    let piece = '';
    for (const { segment } of sentences.segment(line.replaceAll(/\s+/g, ' ').replaceAll(' ,', ','))) {
      if (piece !== '' && (piece + segment).length > pieceLengthMax) {
        pieces.push(piece);
        piece = '';
      }
      piece += segment;
      while (piece.length > pieceLengthMax) {
        const space = piece.lastIndexOf(' ', pieceLengthMax);
        const end = space > pieceLengthMax / 2 ? space : pieceLengthMax;
        pieces.push(piece.slice(0, end));
        piece = piece.slice(end);
      }
    }
    pieces.push(piece);
  }
  return pieces.map((piece) => piece.replaceAll(/^[\s,]+|[\s,]+$/g, '')).filter((piece) => /[\p{L}\p{N}]/u.test(piece));
}

/** Scripts that tell a language by themselves; Han last, since Japanese has it too. */
const scripts: readonly (readonly [RegExp, string])[] = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, 'ja'],
  [/\p{Script=Hangul}/gu, 'ko'],
  [/\p{Script=Arabic}/gu, 'ar'],
  [/\p{Script=Hebrew}/gu, 'he'],
  [/\p{Script=Cyrillic}/gu, 'ru'],
  [/\p{Script=Greek}/gu, 'el'],
  [/\p{Script=Devanagari}/gu, 'hi'],
  [/\p{Script=Thai}/gu, 'th'],
  [/\p{Script=Han}/gu, 'zh'],
];
const latinPages = /^(?!zh|ja|ko|ar|he|ru|el|hi|th)/;

/** The language to read a text in, by its script; in Latin script that of the page, which most answers are in. */
export function languageOf(text: string, page: string): string {
  const start = text.slice(0, 2_000);
  const letters = start.match(/\p{L}/gu)?.length ?? 0;
  const found = scripts.find(([script]) => (start.match(script)?.length ?? 0) > letters * 0.2);
  if (found) return page.startsWith(found[1]) ? page : found[1];
  return latinPages.test(page) ? page : 'en';
}

export interface Voice {
  /** BCP 47; on some systems with an underscore. */
  readonly lang: string;
  /** Speaks on this device. */
  readonly localService: boolean;
}

/** A voice for a language: of this device rather than of a service, then with the same region. */
export function chooseVoice<V extends Voice>(voices: readonly V[], language: string): V | undefined {
  const wanted = language.toLowerCase();
  const primary = (tag: string) => tag.split('-')[0];
  const rank = (voice: V) => (voice.localService ? 2 : 0) + (tagOf(voice) === wanted ? 1 : 0);
  return voices.filter((voice) => primary(tagOf(voice)) === primary(wanted)).toSorted((a, b) => rank(b) - rank(a))[0];
}

const tagOf = ({ lang }: Voice): string => lang.toLowerCase().replaceAll('_', '-');
