/** The look of the web chat, adopted by its shadow root: no style of the page reaches it, and none of it gets out. */
export const CSS = `
:host { all: initial; }
* { box-sizing: border-box; }
.root {
  --bg: #f7f6f3; --surface: #fff; --line: #e2dfd8; --ink: #1c1b18; --soft: #625f57;
  --accent: #0f6b57; --on-accent: #fff; --mine: #dff0ea; --warn: #8a5300;
  --shadow: 0 1px 3px rgb(28 27 24 / .12), 0 12px 40px rgb(28 27 24 / .18);
  font: 15px/1.45 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  color: var(--ink); -webkit-font-smoothing: antialiased;
}
@media (prefers-color-scheme: dark) {
  .root {
    --bg: #161614; --surface: #20201d; --line: #34342f; --ink: #edece7; --soft: #a8a59c;
    --accent: #4fc4a3; --on-accent: #05231b; --mine: #17352c; --warn: #f0b866;
    --shadow: 0 1px 3px rgb(0 0 0 / .5), 0 12px 40px rgb(0 0 0 / .6);
  }
}
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.launcher {
  position: fixed; right: 20px; bottom: 20px; width: 56px; height: 56px; border: 0; border-radius: 50%; padding: 0;
  display: grid; place-items: center; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow);
  z-index: 2147483000; transition: transform .12s;
}
.launcher:hover { transform: scale(1.05); }
.badge {
  position: absolute; top: -3px; right: -3px; min-width: 21px; height: 21px; padding: 0 6px; border-radius: 11px;
  background: #b3261e; color: #fff; font-size: 12px; font-weight: 600; line-height: 21px; text-align: center;
}
.panel {
  position: fixed; right: 20px; bottom: 88px; width: 376px; height: min(600px, calc(100dvh - 112px));
  display: flex; flex-direction: column; overflow: hidden; background: var(--bg); border: 1px solid var(--line);
  border-radius: 18px; box-shadow: var(--shadow); z-index: 2147483000; animation: rise .16s ease-out;
}
@keyframes rise { from { opacity: 0; transform: translateY(10px); } }
.page .panel {
  position: fixed; inset: 0; width: auto; height: 100dvh; border: 0; border-radius: 0; box-shadow: none; animation: none;
}
.head {
  display: flex; align-items: center; gap: 8px; padding: 12px 12px 12px 18px; min-height: 56px;
  background: var(--surface); border-bottom: 1px solid var(--line);
}
.head h1 { margin: 0; flex: 1; font-size: 16px; font-weight: 650; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.icon { width: 36px; height: 36px; border: 0; border-radius: 10px; background: none; display: grid; place-items: center; padding: 0; color: var(--soft); }
.icon:hover { background: var(--bg); color: var(--ink); }
.offline { margin: 0; padding: 8px 18px; font-size: 13px; color: var(--warn); background: var(--surface); border-bottom: 1px solid var(--line); }
.proof { margin: 0; padding: 12px 18px; font-size: 14px; background: var(--surface); border-bottom: 1px solid var(--line); }
.page .proof > * { max-width: 720px; margin-left: auto; margin-right: auto; }
.proof p { margin-top: 0; margin-bottom: 8px; text-wrap: pretty; }
.proof .note { margin-top: 8px; margin-bottom: 0; color: var(--warn); }
.proof .note:empty { display: none; }
.proof .row { display: flex; gap: 8px; }
.proof input {
  flex: 1; min-width: 0; padding: 7px 14px; border: 1px solid var(--line); border-radius: 18px; background: var(--bg);
  color: inherit; font: inherit; font-size: 16px; letter-spacing: .12em; font-variant-numeric: tabular-nums;
}
.choice.full { background: var(--accent); color: var(--on-accent); }
.proof > .full { display: block; width: 100%; text-align: center; }
.choice.full:hover { background: var(--accent); filter: brightness(1.08); }
.full:disabled { opacity: .5; cursor: default; filter: none; }
.plain { display: block; width: 100%; margin-top: 8px; padding: 4px 0; text-align: left; border: 0; background: none; color: var(--soft); text-decoration: underline; }
.log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; outline-offset: -2px; }
.inner { display: flex; flex-direction: column; min-height: 100%; justify-content: flex-end; }
.page .inner, .page .head > *, .page .foot > * { max-width: 720px; }
.page .inner { margin: 0 auto; }
.page .head, .page .foot { justify-content: center; }
.page .head h1 { flex: 0 1 720px; }
.msg { max-width: 84%; margin-top: 10px; align-self: flex-start; }
.msg.same { margin-top: 3px; }
.msg.you { align-self: flex-end; }
.bubble {
  margin: 0; padding: 9px 14px; border-radius: 18px; background: var(--surface); border: 1px solid var(--line);
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.you .bubble { background: var(--mine); border-color: transparent; }
.you.wait .bubble { border: 1px dashed var(--accent); }
.bubble a { color: inherit; }
.meta { margin: 3px 6px 0; font-size: 12px; color: var(--soft); }
.you .meta { text-align: right; }
.wait .meta { color: var(--warn); }
.choices { display: flex; flex-wrap: wrap; gap: 8px; margin: 12px 0 2px; padding: 0; list-style: none; }
.choice {
  display: inline-block; padding: 7px 14px; border-radius: 18px; border: 1px solid var(--accent); background: var(--surface);
  color: var(--accent); font-weight: 550; text-decoration: none; text-align: left;
}
.choice:hover { background: var(--mine); }
.quiet { margin: auto; padding: 24px; color: var(--soft); text-align: center; }
.foot {
  display: flex; align-items: flex-end; gap: 8px; padding: 10px 10px max(10px, env(safe-area-inset-bottom));
  background: var(--surface); border-top: 1px solid var(--line);
}
textarea {
  flex: 1; min-width: 0; max-height: 132px; min-height: 42px; padding: 9px 14px; resize: none; border: 1px solid var(--line);
  border-radius: 21px; background: var(--bg); line-height: 22px; field-sizing: content; font-size: 16px;
}
textarea::placeholder { color: var(--soft); opacity: 1; }
textarea:focus-visible { outline-offset: -1px; }
.send { width: 42px; height: 42px; flex: none; border: 0; padding: 0; border-radius: 50%; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); }
.send:disabled { opacity: .4; cursor: default; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 480px) {
  .panel { inset: 0; width: auto; height: 100dvh; border: 0; border-radius: 0; }
  .open .launcher { display: none; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`;
