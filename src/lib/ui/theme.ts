/** How the pages look: as the system says, or as chosen. Kept apart from the settings, since it is read before the first paint. */
export type Theme = 'system' | 'light' | 'dark';

const key = 'tabloom-theme';

/** `storage`: gives the browser's, where it does not throw at the look. */
export function readTheme(storage: () => Pick<Storage, 'getItem'>): Theme {
  try {
    const theme = storage().getItem(key);
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    return 'system';
  }
}

/** Shows it at once; keeps it where this browser lets us. */
export function applyTheme(
  theme: Theme,
  root: HTMLElement,
  storage: () => Pick<Storage, 'setItem' | 'removeItem'>,
): void {
  if (theme === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = theme;
  try {
    if (theme === 'system') storage().removeItem(key);
    else storage().setItem(key, theme);
  } catch {
    // Not kept: it holds until the page is closed.
  }
}
