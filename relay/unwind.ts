/** What ends the parts of a program, in the order in which they were started. */
export type Undo = (() => Promise<void> | void)[];

/** In reverse order; a failure does not stop the rest. */
export async function unwind(undo: Undo): Promise<void> {
  for (const end of undo.splice(0).toReversed()) {
    try {
      await end();
    } catch {
      // It ends with the process.
    }
  }
}
