/** Set as a constructed sheet: an injected `<style>` is refused under a strict content security policy. */
export const styleText = `
:host {
  all: initial;
  --paper: var(--tabloom-paper, light-dark(#ffffff, #18181b));
  --ink: var(--tabloom-ink, light-dark(#18181a, #ececee));
  --ink-2: var(--tabloom-ink-2, light-dark(#5a5a60, #a5a5ac));
  --line: var(--tabloom-line, light-dark(#e3e3df, #34343a));
  --bubble: var(--tabloom-bubble, light-dark(#f3f3f1, #27272b));
  --accent: var(--tabloom-accent, light-dark(#18181a, #ececee));
  --on-accent: var(--tabloom-on-accent, light-dark(#ffffff, #18181a));
  --bad: light-dark(#ad251c, #f0837a);
  --radius: var(--tabloom-radius, 12px);
  color-scheme: light dark;
  color: var(--ink);
  font: 15px/1.5 var(--tabloom-font, system-ui, -apple-system, 'Segoe UI', sans-serif);
}
:host([hidden]) { display: none; }
:host { display: block; }
.light { color-scheme: light; }
.dark { color-scheme: dark; }
* { box-sizing: border-box; }
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
[hidden] { display: none !important; }
svg { display: block; width: 20px; height: 20px; }
.sr { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.root { color: var(--ink); }
.floating { position: fixed; z-index: var(--tabloom-z, 2147483000); inset-block-end: 20px; inset-inline-end: 20px; }
.floating.start { inset-inline: 20px auto; }
.launcher {
  display: grid; place-items: center; width: 56px; height: 56px; border: 0; border-radius: 50%;
  background: var(--accent); color: var(--on-accent); box-shadow: 0 4px 16px rgb(0 0 0 / 0.24); margin-inline-start: auto;
}
.start .launcher { margin-inline: 0 auto; }
.launcher svg { width: 24px; height: 24px; }
.launcher:focus-visible { outline-offset: 3px; }

.panel {
  position: relative; display: flex; flex-direction: column; min-width: 0; overflow: hidden; background: var(--paper); color: var(--ink);
  border: 1px solid var(--line); border-radius: var(--radius);
}
.inline .panel { height: var(--tabloom-height, 480px); }
.floating .panel {
  width: min(var(--tabloom-width, 384px), calc(100vw - 40px)); height: min(var(--tabloom-height, 600px), calc(100dvh - 40px));
  box-shadow: 0 12px 40px rgb(0 0 0 / 0.22); animation: rise 160ms ease-out;
}
.whole .panel { height: 100dvh; border: 0; border-radius: 0; }
@keyframes rise { from { opacity: 0; transform: translateY(8px); } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }
@media (max-width: 480px) {
  .floating.open { inset: 0; }
  .floating.open .panel { width: 100%; height: 100dvh; border: 0; border-radius: 0; }
}
.header { display: flex; align-items: center; gap: 4px; padding: 8px 8px 8px 16px; border-block-end: 1px solid var(--line); }
.header:dir(rtl) { padding: 8px 16px 8px 8px; }
.title { flex: 1; unicode-bidi: isolate; min-width: 0; margin: 0; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.header.bare { position: absolute; inset-block-start: 4px; inset-inline-end: 8px; padding: 0; border: 0; border-radius: 8px; background: var(--paper); }
.bare .title { display: none; }
.plain { display: grid; place-items: center; width: 36px; height: 36px; border: 0; border-radius: 8px; background: none; color: var(--ink-2); }
.plain:hover { background: var(--bubble); color: var(--ink); }
iframe { flex: 1; width: 100%; border: 0; background: var(--paper); }

.log { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 16px; }
.log > * + * { margin-block-start: 16px; }
.greeting, .answer { overflow-wrap: anywhere; }
.opening > * + * { margin-block-start: 12px; }
.greeting { white-space: pre-wrap; margin: 0; }
.suggestions { display: flex; flex-wrap: wrap; gap: 8px; margin: 0; padding: 0; list-style: none; }
.suggestions button {
  padding: 6px 12px; border: 1px solid var(--line); border-radius: 999px; background: none; text-align: start; font-size: 14px;
}
.suggestions button:hover { background: var(--bubble); }
.turn { display: flex; flex-direction: column; }
.turn > * + * { margin-block-start: 8px; }
.question {
  align-self: end; max-width: 85%; margin: 0; padding: 8px 12px; border-radius: 12px;
  background: var(--bubble); white-space: pre-wrap; overflow-wrap: anywhere;
}
.by { margin: 0; color: var(--ink-2); font-size: 13px; }
.problem { margin: 0; color: var(--bad); font-size: 14px; }
.link { padding: 0; border: 0; background: none; color: inherit; text-decoration: underline; text-underline-offset: 3px; font-size: 14px; }

.answer > * + *, .answer .block > * + *, .answer blockquote > * + *, .answer li > p + * { margin-block-start: 8px; }
.answer p, .answer ul, .answer ol, .answer pre, .answer blockquote { margin-block: 0; }
.answer .raw { white-space: pre-wrap; }
.answer .heading { font-weight: 600; }
.answer ul, .answer ol { padding-inline-start: 22px; }
.answer blockquote { margin-inline: 0; padding-inline-start: 10px; border-inline-start: 2px solid var(--line); color: var(--ink-2); }
.answer code, .answer pre { direction: ltr; unicode-bidi: isolate; font: 13px/1.5 ui-monospace, monospace; font-variant-ligatures: none; }
.answer code { padding: 1px 4px; border-radius: 4px; background: var(--bubble); }
.answer pre { overflow-x: auto; padding: 10px 12px; border-radius: 8px; background: var(--bubble); }
.answer pre code { padding: 0; background: none; }
.answer a { color: inherit; text-underline-offset: 3px; }
.answer .table { overflow-x: auto; }
.answer table { border-collapse: collapse; font-size: 14px; }
.answer :is(th, td) { padding: 4px 8px; border: 1px solid var(--line); text-align: start; }
.answer .center { text-align: center; }
.answer .right { text-align: end; }
.answer .note { color: var(--ink-2); font-size: 13px; }
.answer hr { border: 0; border-block-start: 1px solid var(--line); }

.composer { display: flex; align-items: end; gap: 8px; margin: 0 12px; padding: 6px 6px 6px 12px; border: 1px solid light-dark(#85857f, #74747b); border-radius: 12px; }
.composer:dir(rtl) { padding: 6px 12px 6px 6px; }
.composer:focus-within { outline: 2px solid var(--accent); outline-offset: 1px; }
textarea { flex: 1; min-width: 0; max-height: 132px; padding: 5px 0; border: 0; outline: 0; resize: none; background: none; field-sizing: content; font-size: 16px; line-height: 22px; }
textarea:focus-visible { outline: 0; }
textarea::placeholder { color: var(--ink-2); opacity: 1; }
.send { flex: none; display: grid; place-items: center; width: 32px; height: 32px; border: 0; border-radius: 8px; background: var(--accent); color: var(--on-accent); }
.send[aria-disabled='true'] { opacity: 0.4; cursor: default; }
.foot { margin: 0; padding: 8px 16px 10px; color: var(--ink-2); font-size: 12px; text-align: center; text-wrap: balance; }
.foot a { color: inherit; text-underline-offset: 2px; }
.device { margin: 0 12px 8px; padding: 10px 12px; border: 1px solid var(--line); border-radius: 8px; font-size: 14px; }
.device p { margin: 0 0 6px; }
.device button { padding: 5px 10px; border: 1px solid var(--line); border-radius: 8px; background: none; font-size: 14px; }
.device button:hover { background: var(--bubble); }
.device progress { width: 100%; accent-color: var(--accent); }
`;
