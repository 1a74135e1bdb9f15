/** The key code of keys consumed by an input method. */
const takenByInputMethod = 229;

/**
 * Whether this key belongs to an active input method composition, in which case Enter ends the composition and must not
 * send. In Safari only the key code tells, because it ends the composition before the key event.
 */
export const isComposing = (event: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean =>
  event.isComposing || event.keyCode === takenByInputMethod;
