/** @type {Record<number, (inputs: any) => string>} Texts of the chosen language by the number of their message. */
const texts = {};
let tag = 'en';
/** @type {Promise<void>} */
let whole = Promise.resolve();

/**
 * A message: its text in the chosen language if that has come, else in English, which every message carries itself.
 * @param {number} id
 * @param {(inputs: any) => any} english
 * @returns {(inputs?: any) => any}
 */
export const pick = (id, english) => (inputs) => (texts[id] ?? english)(inputs);

/** @type {(sentence: string) => string} */
let translate = (sentence) => sentence;

/**
 * An error or a reason from a room below the pages, which speaks English to pages, terminals and peers alike, in the chosen
 * language; as it is if nothing is known for it.
 * @param {string} sentence
 */
export const inLanguage = (sentence) => translate(sentence);

/** @param {(sentence: string) => string} how */
export const useSentences = (how) => (translate = how);

/**
 * @param {string} language such as `de`.
 * @param {Record<number, (inputs: any) => string>} more texts by the number of their message.
 */
export function useTexts(language, more) {
  // Digits as in code, prices and names of models, which stand beside them.
  tag = language === 'ar' ? 'ar-u-nu-latn' : language;
  Object.assign(texts, more);
}

/** What numbers and dates are formatted for. */
export const locale = () => tag;

/** @param {Promise<void>} coming texts that parts of a page wait for when they are loaded later. */
export const awaitTexts = (coming) => (whole = coming);

/** Settles, and never fails, when all texts of the chosen language are there; without them, the English ones are shown. */
export const allTexts = () => whole;
