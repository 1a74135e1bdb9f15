import type { Attachment } from '#lib/state/attachment.ts';
import type { Persistence } from '#lib/state/settings.ts';
import type { UnsentPort } from '#lib/state/tab.ts';
import { randomId } from '#lib/base/ids.ts';
import { systemRandom } from '#lib/base/random.ts';

/** A conversation, as far as this is concerned. */
interface Attached {
  pending: readonly Attachment[];
}

interface Shown {
  readonly of: Attached;
  readonly key: string;
  /** What storage holds; undefined until it has been read. */
  saved: readonly Attachment[] | undefined;
}

/** Attachments that have not been sent survive a reload, as the draft does: of a new conversation for this tab, else with it. */
export class KeptAttachments {
  #shown: Shown | undefined;
  #writes: Promise<void> = Promise.resolve();
  readonly #port: () => Promise<UnsentPort>;
  readonly #tabKey: () => string;

  constructor(port: () => Promise<UnsentPort>, tabKey: () => string = keyOfThisTab) {
    this.#port = port;
    this.#tabKey = tabKey;
  }

  /** Another conversation is on screen, or it has got its address. In private mode nothing is read. */
  async show(of: Attached, address: string, mode: Persistence): Promise<void> {
    const before = this.#shown;
    const key = address === '/' ? this.#tabKey() : address.slice(address.lastIndexOf('/') + 1);
    if (before?.of === of && before.key === key) return;
    const shown: Shown = { of, key, saved: undefined };
    this.#shown = shown;
    if (before?.of === of) {
      // The question was sent, and its conversation has got an address.
      this.#write(before.key, []);
      shown.saved = [];
    } else if (mode === 'private') shown.saved = [];
    else {
      const read = await this.#read(key);
      const added = of.pending.filter(({ id }) => !read.some((one) => one.id === id));
      shown.saved = read;
      if (read.length > 0) of.pending = [...read, ...added];
    }
    this.save(mode);
  }

  /** In private mode none is kept. */
  save(mode: Persistence): void {
    const shown = this.#shown;
    const pending = shown?.of.pending;
    if (!shown?.saved || !pending || mode === 'private' || pending === shown.saved) return;
    if (pending.length === 0 && shown.saved.length === 0) return;
    shown.saved = pending;
    this.#write(shown.key, pending);
  }

  /** Resolves when what was saved is stored. */
  settled(): Promise<void> {
    return this.#writes;
  }

  async #read(key: string): Promise<readonly Attachment[]> {
    await this.#writes;
    return (await this.#port()).read(key).catch(() => []);
  }

  /** One after the other: the last one counts. A full disk must not keep the question from being sent. */
  #write(key: string, attachments: readonly Attachment[]): void {
    this.#writes = this.#writes.then(async () => (await this.#port()).write(key, attachments)).catch(() => undefined);
  }
}

const sessionKey = 'tabloom-unsent';

/** The same after a reload of this tab. Without session storage, what is attached is lost with the page. */
function keyOfThisTab(): string {
  const key = randomId(systemRandom);
  try {
    const kept = sessionStorage.getItem(sessionKey) ?? key;
    sessionStorage.setItem(sessionKey, kept);
    return `tab-${kept}`;
  } catch {
    return `tab-${key}`;
  }
}
