/** One question with its answer, as it is kept for the next page of the site. */
export interface KeptTurn {
  readonly question: string;
  readonly answer: string;
  /** Who answered, in words. */
  readonly by: string | undefined;
}

export interface Kept {
  readonly open: boolean;
  readonly draft: string;
  readonly turns: readonly KeptTurn[];
}

type Area = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const nothing: Kept = { open: false, draft: '', turns: [] };
const turnsMax = 40;
const charactersMax = 200_000;

/**
 * What a visitor wrote, for as long as the tab is open, in the storage of the host page. Storage that is full, forbidden or
 * holds something else costs this memory and nothing more.
 */
export function createStore(key: string, area: () => Area) {
  return {
    read(): Kept {
      try {
        return understand(JSON.parse(area().getItem(key) ?? 'null'));
      } catch {
        return nothing;
      }
    },
    write({ open, draft, turns }: Kept): void {
      let room = charactersMax;
      const fitting = turns
        .slice(-turnsMax)
        .toReversed()
        .filter(({ question, answer }) => (room -= question.length + answer.length) >= 0)
        .toReversed();
      const json = JSON.stringify({ open, draft, turns: fitting });
      try {
        area().setItem(key, json);
      } catch {
        // Full or forbidden.
      }
    },
  };
}

function understand(value: unknown): Kept {
  if (typeof value !== 'object' || value === null) return nothing;
  const { open, draft, turns } = value as Record<string, unknown>;
  return {
    open: open === true,
    draft: typeof draft === 'string' ? draft : '',
    turns: (Array.isArray(turns) ? turns.slice(-turnsMax) : []).filter(isTurn),
  };
}

function isTurn(value: unknown): value is KeptTurn {
  if (typeof value !== 'object' || value === null) return false;
  const { question, answer, by } = value as Record<string, unknown>;
  return typeof question === 'string' && typeof answer === 'string' && (by === undefined || typeof by === 'string');
}

/**
 * Counts a visitor's questions by day, so that one visitor does not use up the site's budget by mistake. It is no protection:
 * who wants to, clears it. Without storage the page's own count holds.
 */
export function createDailyCount(key: string, area: () => Area, now: () => number) {
  let [day, used] = ['', 0];
  const today = () => new Date(now()).toISOString().slice(0, 10);
  return {
    /** Takes one of so many; false where they are used up. */
    take(max: number): boolean {
      try {
        const [keptDay = '', kept = '0'] = (area().getItem(key) ?? '').split(' ');
        if (keptDay === today() && /^\d{1,6}$/.test(kept)) [day, used] = [keptDay, Math.max(Number(kept), used)];
      } catch {
        // The page's own count holds.
      }
      if (day !== today()) [day, used] = [today(), 0];
      if (used >= max) return false;
      used += 1;
      try {
        area().setItem(key, `${day} ${used}`);
      } catch {
        // Full or forbidden.
      }
      return true;
    },
  };
}
