import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useRef, useState } from 'react';
import { describe, expect, it, vi } from 'vitest';
import type { Conversation } from '../../../lib/types';
import type { Pending } from '../../../realtime/thread';
import { aConversation } from '../../../testing/fixtures';
import { render } from '../../../testing/render';
import type { Mode } from '../composer-model';
import { Composer } from './composer';

function Harness({
  conversation,
  role,
  onSend,
}: {
  conversation: Conversation;
  role: string;
  onSend: (p: Pending) => void;
}) {
  const [mode, setMode] = useState<Mode>('reply');
  const text = useRef<HTMLTextAreaElement>(null);
  return (
    <Composer
      conversation={conversation}
      role={role}
      mode={mode}
      onMode={setMode}
      replyTo={null}
      onStopReply={() => undefined}
      onSend={onSend}
      textRef={text}
    />
  );
}

function open(change: Partial<Conversation> = {}, role = 'agent') {
  const onSend = vi.fn<(pending: Pending) => void>();
  const view = render(<Harness conversation={aConversation(change)} role={role} onSend={onSend} />);
  return { onSend, view, user: userEvent.setup() };
}
const field = () => screen.getByRole('textbox', { name: 'Reply' });

describe('composer', () => {
  it('sends on Enter and breaks the line on Shift+Enter', async () => {
    const { onSend, user } = open();
    await user.type(field(), 'one{Shift>}{Enter}{/Shift}two{Enter}');
    expect(onSend).toHaveBeenCalledTimes(1);
    expect(onSend.mock.calls[0]?.[0]).toMatchObject({ kind: 'reply', text: 'one\ntwo' });
    expect(field()).toHaveProperty('value', '');
  });

  it('does not send nothing', async () => {
    const { onSend, user } = open();
    await user.type(field(), '   {Enter}');
    expect(onSend).not.toHaveBeenCalled();
  });

  it('counts in the unit of the channel and says how many parts', async () => {
    const { user } = open();
    await user.type(field(), 'éééé ééé');
    expect(screen.getByRole('status').textContent).toBe('15 / 10 bytes · in 2 parts');
  });

  it('refuses what is longer than the channel takes', async () => {
    const { onSend, user } = open();
    await user.type(field(), 'a very long text that needs more{Enter}');
    expect(screen.getByRole('status').textContent).toContain('too long: at most 2 parts');
    expect(onSend).not.toHaveBeenCalled();
  });

  it('keeps the draft of a conversation, for reply and note apart', async () => {
    const { user, view } = open();
    await user.type(field(), 'half a reply');
    await user.click(screen.getByRole('button', { name: 'Note' }));
    const note = screen.getByRole('textbox', { name: 'Note for the team' });
    expect(note).toHaveProperty('value', '');
    await user.type(note, 'a note');
    view.unmount();
    open();
    expect(field()).toHaveProperty('value', 'half a reply');
  });

  it('says why it is closed and still takes a note', async () => {
    const route = aConversation().route;
    const { onSend, user } = open({
      route: route && {
        ...route,
        can_send: false,
        reason: 'The reply window is closed until the customer writes again.',
      },
    });
    expect(screen.queryByRole('textbox', { name: 'Reply' })).toBeNull();
    expect(screen.getByText(/reply window is closed/)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Note' }));
    await user.type(screen.getByRole('textbox', { name: 'Note for the team' }), 'remember{Enter}');
    expect(onSend.mock.calls[0]?.[0]).toMatchObject({ kind: 'note', text: 'remember' });
  });

  it('closes when the window ends while it is open', () => {
    const route = aConversation().route;
    open({ route: route && { ...route, window_closes_at: '2020-01-01T00:00:00Z' } });
    expect(screen.getByText(/reply window is closed/)).toBeTruthy();
  });

  it('is closed for who may only read', () => {
    open({}, 'viewer');
    expect(screen.getByText(/Your role can read/)).toBeTruthy();
  });
});
