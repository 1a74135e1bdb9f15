/** The marks of the chat template, at the end of the vocabulary. */
export const marks = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;

/** Words of the prompts in use, so that a prompt is a few tokens and not one a letter. */
const known = [
  'user',
  'assistant',
  'system',
  'Tell',
  'Hello',
  'Say',
  'Once',
  'short',
  'long',
  'story',
  'something',
  'time',
  'think',
];

/** Bytes, then the known words with and without a space. */
export const quietTokens = 256 + 2 * known.length;

/**
 * A byte-level tokenizer with exactly `size` tokens: bytes, known words, words of letters with a space before them, and
 * the marks. A word is looked up whole, so text made of word tokens gives the same tokens again: an answer can be
 * resumed from its text.
 */
export function tokenizerJson(size: number): string {
  const letters = byteLetters();
  const space = letters[32]!;
  const vocab: Record<string, number> = {};
  for (const letter of letters) vocab[letter] = Object.keys(vocab).length;
  let next = 256;
  for (const word of known) {
    vocab[word] = next++;
    vocab[space + word] = next++;
  }
  for (let number = 0; next < size - marks.length; number++) {
    const word = space + lettersOf(number);
    if (vocab[word] === undefined) vocab[word] = next++;
  }
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: marks.map((content, index) => ({
      id: size - marks.length + index,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab,
      merges: [],
    },
  });
}

/** 0 is `a`, 25 is `z`, 26 is `aa`. */
function lettersOf(number: number): string {
  let word = '';
  for (let rest = number; rest >= 0; rest = Math.floor(rest / 26) - 1) {
    word = String.fromCharCode(97 + (rest % 26)) + word;
  }
  return word;
}

/** The printable letter that a byte-level tokenizer writes for each byte, as GPT-2 defined it. */
function byteLetters(): readonly string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let shifted = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : shifted++));
}
