import { abortError } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';

/** A call that waits until the user has agreed that the server is told what stands in it. */
export interface CallQuestion {
  readonly id: number;
  readonly host: string;
  readonly tool: string;
  /** As the model has written them. */
  readonly arguments: string;
}

/** Answers of one page that may wait at once; the next call is refused. */
const waitingMax = 8;

/** Calls that wait for the user's word, oldest first. */
export class CallQuestions {
  waiting = $state.raw<readonly CallQuestion[]>([]);
  readonly #settle = new Map<number, (how: 'allow' | 'refuse') => void>();
  #next = 0;

  /** Resolves once the user has allowed it. @throws `tool-call-refused`, `aborted`. */
  ask(call: Omit<CallQuestion, 'id'>, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortError(signal));
      if (this.waiting.length >= waitingMax) return reject(refused());
      const id = this.#next++;
      const end = (settle: () => void) => {
        signal.removeEventListener('abort', onAbort);
        this.#settle.delete(id);
        this.waiting = this.waiting.filter((one) => one.id !== id);
        settle();
      };
      const onAbort = () => end(() => reject(abortError(signal)));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#settle.set(id, (how) => end(() => (how === 'allow' ? resolve() : reject(refused()))));
      this.waiting = [...this.waiting, { id, ...call }];
    });
  }

  decide(id: number, how: 'allow' | 'refuse'): void {
    this.#settle.get(id)?.(how);
  }
}

const refused = () => new TabloomError('tool-call-refused', 'The user did not allow this call. Answer without it.');
