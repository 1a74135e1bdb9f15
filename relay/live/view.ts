import type { Clock } from '#lib/base/clock.ts';
import { renderLive } from './render.ts';
import { createRate, type LiveSnapshot } from './snapshot.ts';

/** A terminal to write to, as Node's standard output is one. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  readonly writableNeedDrain: boolean;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** The lines below everything that the program prints, painted again in place. */
export interface LiveView {
  /** Paints from now on, at most twice a second and only what has changed. */
  start(read: () => LiveSnapshot): void;
  /** Prints above the view. */
  print(text: string): void;
  /** Removes the view. */
  stop(): void;
}

const paintEveryMs = 500;

/**
 * Uses the terminal as it is: the cursor stays visible and no mode is set, so that a program that is killed leaves nothing to
 * restore.
 */
export function createLiveView(terminal: Terminal, clock: Clock): LiveView {
  const rate = createRate(clock);
  let read: (() => LiveSnapshot) | undefined;
  let painted: readonly string[] = [];
  let cancel: (() => void) | undefined;

  // One without a size, as in a container or under `script`, says 0.
  const size = () => ({ columns: terminal.columns || 80, rows: terminal.rows || 24 });

  /** A terminal that has become narrower has wrapped the lines that were painted. */
  const erasing = (): string => {
    if (painted.length === 0) return '';
    const { columns, rows } = size();
    const height = painted.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    return `\x1b[${Math.min(height, rows - 1)}A\r\x1b[J`;
  };

  const paint = (above = '', how: 'changed' | 'always' = 'changed'): void => {
    if (!read) return;
    const now = read();
    const lines = renderLive(now, rate(now.tokensOut), size());
    if (how === 'changed' && lines.join('\n') === painted.join('\n')) return;
    terminal.write(`${erasing()}${above}${lines.join('\n')}\n`);
    painted = lines;
  };

  const tick = (): void => {
    // A terminal that is not read keeps what it has; the next paint is as good.
    if (!terminal.writableNeedDrain) paint();
    cancel = clock.after(paintEveryMs, tick);
  };
  const onResize = () => paint('', 'always');

  return {
    start(from) {
      if (read) return;
      read = from;
      terminal.on('resize', onResize);
      tick();
    },
    print(text) {
      if (text === '') return;
      if (!read) return void terminal.write(text);
      const isWhole = text.endsWith('\n');
      paint(isWhole ? text : `${text}\n`, 'always');
    },
    stop() {
      if (!read) return;
      cancel?.();
      terminal.off('resize', onResize);
      terminal.write(erasing());
      painted = [];
      read = undefined;
    },
  };
}

/** Whether the view has a terminal that can show it, and is wanted. */
export const hasLiveView = (
  terminal: { readonly isTTY?: boolean },
  { TERM }: Readonly<Record<string, string | undefined>>,
  wish: 'quiet' | 'live',
): boolean => wish === 'live' && terminal.isTTY === true && TERM !== 'dumb';
