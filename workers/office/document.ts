/** A piece of a document: a page, a sheet or a slide. */
export interface Part {
  readonly title?: string | undefined;
  readonly text: string;
}

export interface DocumentParts {
  readonly unit: 'page' | 'sheet' | 'slide';
  readonly parts: readonly Part[];
}

export interface OfficeLimits {
  readonly partsMax: number;
  /** UTF-16 units of the whole text. */
  readonly lengthMax: number;
}

/** More than the limits allow: it is refused, not cut. */
export class TooLongError extends Error {}

/**
 * Gathers the text of a document piece by piece. Cells stand side by side with a tab between, what is empty at the end of a line is left
 * out, and so are empty lines beyond one.
 */
export class TextWriter {
  readonly #limits: OfficeLimits;
  readonly #parts: Part[] = [];
  #title: string | undefined;
  #pieces: string[] = [];
  #last = '';
  #length = 0;
  #isEmpty = true;

  constructor(limits: OfficeLimits) {
    this.#limits = limits;
  }

  add(text: string): void {
    if (text === '') return;
    this.#length += text.length;
    if (this.#length > this.#limits.lengthMax) throw new TooLongError('text');
    this.#pieces.push(text);
    this.#last = text.at(-1)!;
    this.#isEmpty &&= text.trim() === '';
  }

  /** Ends the line, unless nothing stands in it. */
  endLine(): void {
    if (this.#last !== '' && this.#last !== '\n') this.add('\n');
  }

  /** Whether the piece has no text yet. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Ends the piece and begins the next one. @param title left out where the next one may turn out to be none. */
  next(title?: string): void {
    this.end();
    this.#title = title;
  }

  /** @returns all pieces; empty ones that were begun with a title are kept, so that numbers stay those of the document. */
  end(): readonly Part[] {
    if (this.#isEmpty && this.#title === undefined) return this.#parts;
    if (this.#parts.length >= this.#limits.partsMax) throw new TooLongError('parts');
    const text = this.#pieces
      .join('')
      .replaceAll('\0', '')
      .replace(/ +\t/g, '\t')
      .replace(/[ \t]+\n/g, '\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
    this.#parts.push({ title: this.#title, text });
    [this.#title, this.#pieces, this.#last, this.#isEmpty] = [undefined, [], '', true];
    return this.#parts;
  }
}
