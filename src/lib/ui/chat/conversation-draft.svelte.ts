import type { Persistence } from '#lib/state/settings.ts';
import { createDraftStore, draftKey, type DraftStore } from '../draft-store.ts';

/** A new conversation's draft is this tab's; that of a saved one is kept with it. */
const draftAt = (address: string): DraftStore =>
  address === '/'
    ? createDraftStore('tabloom-draft', () => sessionStorage)
    : createDraftStore(draftKey(address), () => localStorage);

/** What is being written. It belongs to its conversation, and goes along when that gets its address. */
export class ConversationDraft {
  text = $state('');
  #shown = $state.raw<{ readonly of: unknown; readonly address: string }>();
  readonly #at: (address: string) => DraftStore;

  constructor(at = draftAt) {
    this.#at = at;
  }

  /** Another conversation is on screen, or it has got its address. In private mode nothing saved is shown. */
  show(of: unknown, address: string, mode: Persistence): void {
    const before = this.#shown;
    if (before === undefined || before.of !== of) {
      // What was typed before the first one was known stays.
      const typed = before ? '' : this.text;
      this.text = typed || (mode === 'private' ? '' : this.#at(address).read());
    } else if (before.address !== address) this.#at(before.address).write('');
    this.#shown = { of, address };
  }

  /** In private mode none is kept. */
  save(mode: Persistence): void {
    if (this.#shown) this.#at(this.#shown.address).write(mode === 'private' ? '' : this.text);
  }
}
