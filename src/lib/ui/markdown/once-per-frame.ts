/**
 * Runs the newest of the tasks that were given since the last frame, in the next one: what arrives a hundred times a second is drawn
 * as often as a screen shows it, and pieces that arrive together cost one drawing and not one each.
 * @param request `requestAnimationFrame`.
 */
export function oncePerFrame(request: (run: () => void) => unknown): (task: () => void) => void {
  let newest: (() => void) | undefined;
  return (task) => {
    const isAsked = newest !== undefined;
    newest = task;
    if (isAsked) return;
    request(() => {
      const run = newest;
      newest = undefined;
      run?.();
    });
  };
}
