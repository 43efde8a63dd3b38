/** @jsxImportSource preact */
import { render } from 'preact';
import { Chat } from './chat';
import { ChatClient } from './client';
import { CSS } from './styles';

/** Puts the chat into the page. `data-key` names the chat, `data-base` the hub; on the hub's own page both come from its address. */
function mount(tag: HTMLScriptElement): void {
  const page = tag.dataset.mode === 'page';
  const base = (tag.dataset.base ?? new URL(tag.src, location.href).origin).replace(/\/$/, '');
  const key = tag.dataset.key ?? (page ? location.pathname.split('/')[2] : undefined);
  if (!key) {
    console.error('everthread: the chat script needs data-key');
    return;
  }
  // The session that a continuation link hands over; it is not to stay in the address.
  const session = page ? /^#session=([\w.-]+)$/.exec(location.hash)?.[1] : undefined;
  if (session) history.replaceState(null, '', location.pathname + location.search);
  const host = document.createElement('everthread-chat');
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  document.body.append(host);
  render(<Chat client={new ChatClient(base, decodeURIComponent(key), session)} page={page} />, root);
}

const tag = document.currentScript;
if (tag instanceof HTMLScriptElement) {
  if (document.body) mount(tag);
  else document.addEventListener('DOMContentLoaded', () => mount(tag));
}
