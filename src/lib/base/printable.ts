/** Control and format characters (bidi and zero-width among them), lone surrogates, private use, line and paragraph separators. */
const hidden = /[\p{C}\p{Zl}\p{Zp}]|\u115F|\u1160|\u3164|\uFFA0|\u2800|\u034F/gu;

/**
 * Text from elsewhere, safe for a terminal: characters that move the cursor, change the writing direction or are invisible are
 * escaped, so that what is shown is what is there.
 */
export const printable = (text: string): string =>
  text.replace(hidden, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`).replaceAll(/\s/g, ' ');

/** The same for JSON text, in JSON's own escapes: it parses to the same value. */
export const printableJson = (json: string): string =>
  json.replace(hidden, (character) => (character < '\x7F' ? character : jsonEscape(character)));

const jsonEscape = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
