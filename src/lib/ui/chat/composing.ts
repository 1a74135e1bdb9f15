/** The key code of every key that an input method takes for itself. */
const takenByInputMethod = 229;

/**
 * Whether this key belongs to an input method that composes: Enter then ends the composition and sends nothing. Safari
 * says so by the key code alone, since it ends the composition before the key is heard.
 */
export const isComposing = (event: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean =>
  event.isComposing || event.keyCode === takenByInputMethod;
