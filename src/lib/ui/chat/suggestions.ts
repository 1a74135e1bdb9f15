/** A choice that stands above the text field, which keeps the focus. */
export interface Suggestions {
  /** Id of the list, and of the row that Enter takes. */
  readonly list: string;
  readonly active: string;
  /** Returns whether the key was meant for the choice. */
  key(event: KeyboardEvent): boolean;
}

/** What is looked for among the prompts: what follows a slash at the very beginning, on one line. Undefined where nothing is. */
export const slashQuery = (text: string): string | undefined => /^\/([^\n]{0,60})$/.exec(text)?.[1]?.trim();
