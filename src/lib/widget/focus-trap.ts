const focusable = 'a[href], button:not([disabled]), textarea:not([disabled]), iframe, [tabindex="0"]';

/** What the next press of Tab goes to, so that it stays within the open panel; undefined where the browser's choice does. */
export function nextFocus<T>(elements: readonly T[], current: T | null, direction: 'forward' | 'back'): T | undefined {
  const [first, last] = [elements[0], elements.at(-1)];
  if (current === null || !elements.includes(current)) return direction === 'forward' ? first : last;
  if (direction === 'forward' && current === last) return first;
  if (direction === 'back' && current === first) return last;
  return undefined;
}

/** Keeps the focus in the panel while it is open. */
export function trapFocus(event: KeyboardEvent, panel: HTMLElement, root: ShadowRoot): void {
  if (event.key !== 'Tab' || event.altKey || event.ctrlKey || event.metaKey) return;
  const elements = [...panel.querySelectorAll<HTMLElement>(focusable)].filter((one) => one.checkVisibility());
  const next = nextFocus(elements, root.activeElement as HTMLElement | null, event.shiftKey ? 'back' : 'forward');
  if (!next) return;
  event.preventDefault();
  next.focus();
}
