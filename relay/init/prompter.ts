/** Asks a person at a terminal. Each question throws `cancelled` when it is left. */
export interface Prompter {
  choose<Value extends string>(question: Choice<Value>): Promise<Value>;
  /** At least one of them; none is chosen beforehand. */
  chooseSome(question: Choice<string> & { readonly most: number }): Promise<readonly string[]>;
  /** `problem` says what is wrong with an answer; undefined if nothing is. */
  text(question: TextQuestion): Promise<string>;
  confirm(message: string): Promise<boolean>;
  say(text: string): void;
}

export interface Choice<Value extends string> {
  readonly message: string;
  readonly options: readonly { readonly value: Value; readonly label: string; readonly hint?: string }[];
}

export interface TextQuestion {
  readonly message: string;
  readonly example: string;
  readonly initial?: string;
  readonly problem: (text: string) => string | undefined;
}
