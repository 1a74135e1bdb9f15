/** The colour theme. Stored separately from the settings because it is read before the first paint. */
export type Theme = 'system' | 'light' | 'dark';

const key = 'tabloom-theme';

/** `storage` returns the browser's storage; accessing it may throw. */
export function readTheme(storage: () => Pick<Storage, 'getItem'>): Theme {
  try {
    const theme = storage().getItem(key);
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    return 'system';
  }
}

/** Applies the theme at once and saves it if the browser allows. */
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
    // Not saved; it applies until the page is closed.
  }
}
