import { QueryClient } from '@tanstack/react-query';
import { afterEach, expect, it, vi } from 'vitest';
import { change } from '../features/conversation/api';
import { keys } from '../lib/keys';
import type { Conversation } from '../lib/types';
import { refreshConversation } from './refresh';

const ID = 'conv_1';
const conversation = (status: Conversation['status']) =>
  ({ id: ID, status, contact: { id: 'con_1', name: 'Ada' } }) as unknown as Conversation;
const answer = (status: Conversation['status']) => new Response(JSON.stringify(conversation(status)));

/** Something that ends when a test says so. */
function gate<T>() {
  let open: (value: T) => void = () => undefined;
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

afterEach(() => vi.unstubAllGlobals());

it('does not undo a change on the screen by a read that began before it', async () => {
  const client = new QueryClient();
  const shown = () => client.getQueryData<Conversation>(keys.conversation(ID))?.status;
  const oldRead = gate<Response>();
  const saved = gate<void>();
  const fetch = vi
    .fn()
    .mockReturnValueOnce(oldRead.passed)
    .mockImplementation(async () => answer('resolved'));
  vi.stubGlobal('fetch', fetch);
  client.setQueryData(keys.conversation(ID), conversation('open'));

  const refreshed = refreshConversation(client, ID);
  await vi.waitFor(() => expect(fetch).toHaveBeenCalledTimes(1));
  const changed = change(client, ID, { status: 'resolved' }, () => saved.passed);
  oldRead.open(answer('open'));
  await new Promise((resolve) => setTimeout(resolve));
  expect(shown()).toBe('resolved');
  expect(fetch).toHaveBeenCalledTimes(1);

  saved.open();
  await Promise.all([refreshed, changed]);
  expect(shown()).toBe('resolved');
});
