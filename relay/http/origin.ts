/**
 * An origin in the form in which browsers send it: of a site, an app or an extension (`app://obsidian.md`,
 * `chrome-extension://…`, `vscode-webview://…`, `tauri://localhost`), whose origins the URL standard calls opaque but
 * browsers send all the same. Undefined for anything else; schemes without a host identify no one.
 */
export function readOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` && text !== '*') return url.origin;
  const app = /^([a-z][a-z0-9+.-]*):\/\/([\w.-]+(?::\d{1,5})?)\/?$/i.exec(text);
  const scheme = app?.[1]!.toLowerCase();
  if (app && !/^(https?|wss?|ftp|file|data|blob|about|javascript)$/.test(scheme!)) return `${scheme}://${app[2]}`;
  return undefined;
}
