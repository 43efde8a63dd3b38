import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import type { Message, MessageState } from '../../../lib/types';
import { aMessage } from '../../../testing/fixtures';
import { render } from '../../../testing/render';
import { MessageRow } from './message-row';

const OURS = { direction: 'out', author: { kind: 'person', id: 'u', name: 'Mira' } } as const;

function show(change: Partial<Message>) {
  const actions = {
    reply: null,
    attempts: vi.fn(),
    why: vi.fn(),
    takeBack: vi.fn(),
    cancel: vi.fn(),
    resend: vi.fn(),
  };
  render(<MessageRow message={aMessage(change)} first last customer="Amara" actions={actions} />);
  return actions;
}

describe('message states', () => {
  it.each([
    ['queued', 'Queued'],
    ['sending', 'Sending…'],
    ['uncertain', 'May have been sent'],
    ['unconfirmed', 'Unconfirmed'],
    ['accepted', 'Accepted'],
    ['cancelled', 'Cancelled'],
    ['failed', 'Failed'],
  ] as [MessageState, string][])('%s is said in words', (state, text) => {
    show({ ...OURS, state });
    expect(screen.getByText(text)).toBeTruthy();
  });

  it('delivered and read tell when', () => {
    show({ ...OURS, state: 'read', state_at: { read: '2026-11-23T10:05:00Z' } });
    expect(screen.getByText(/^Read \d\d:\d5$/)).toBeTruthy();
  });

  it.each([
    ['person', /If it can’t go until Jan 1 .* it comes back to its author/, true],
    ['bot', /If it can’t go until Jan 1 .* it is cancelled with this reason/, false],
  ] as const)(
    'what a %s wrote and is held tells why, until when, and what one can do',
    async (kind, deadline, mine) => {
      const actions = show({
        ...OURS,
        author: { kind, id: null, name: null },
        state: 'held',
        held: { reason: 'throttled', until: '2030-01-01T10:00:00Z' },
        plan_id: 'plan_1',
      });
      expect(screen.getByText(/The channel asks us to slow down\./)).toBeTruthy();
      expect(screen.getByText(deadline)).toBeTruthy();
      await userEvent.click(screen.getByRole('button', { name: 'Why, and other ways' }));
      expect(actions.why).toHaveBeenCalledTimes(1);
      expect(screen.queryByRole('button', { name: 'Take it back to edit' }) !== null).toBe(mine);
      await userEvent.click(screen.getByRole('button', { name: 'Cancel sending' }));
      expect(actions.cancel).toHaveBeenCalledTimes(1);
    },
  );

  it.each([
    [null, 'may arrive late'],
    ['2026-11-23T10:05:00Z', /^arrived late, /],
  ] as const)('what was stuck says whether it came: %s', (reached_at, text) => {
    const state = reached_at ? 'delivered' : 'accepted';
    show({ ...OURS, state, stuck: { since: '2026-11-23T08:00:00Z', reached_at } });
    expect(screen.getByText(text)).toBeTruthy();
  });

  it('failed shows the error, the next step and the way to send again', async () => {
    const actions = show({
      ...OURS,
      state: 'failed',
      error: {
        class: 'recipient_unreachable',
        code: '131026',
        text: 'Not on WhatsApp.',
        next_step: 'Call them.',
      },
    });
    expect(screen.getByText(/Not on WhatsApp/)).toBeTruthy();
    expect(screen.getByText('Next step: Call them.')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Send again' }));
    expect(actions.resend).toHaveBeenCalledTimes(1);
  });

  it('what comes from somebody who merely had a link is marked', () => {
    show({ direction: 'in', unverified: true });
    expect(screen.getByText('unverified')).toBeTruthy();
  });

  it('what came back to its author says why, and can be sent again', async () => {
    const actions = show({
      ...OURS,
      state: 'failed',
      error: {
        class: 'returned',
        code: 'overtaken',
        text: 'the customer wrote again',
        next_step: 'Read first.',
      },
    });
    expect(screen.getByText('It came back to you. The customer wrote again.')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Send again' }));
    expect(actions.resend).toHaveBeenCalledTimes(1);
  });

  it('what was cancelled says why in its own line', () => {
    show({
      ...OURS,
      state: 'cancelled',
      error: { class: 'cancelled', code: 'stop', text: 'the customer said stop', next_step: '' },
    });
    expect(screen.getByText('Cancelled: the customer said stop')).toBeTruthy();
  });

  it('unconfirmed warns before it sends a second copy', () => {
    show({ ...OURS, state: 'unconfirmed' });
    expect(screen.getByRole('button', { name: 'Send again anyway' })).toBeTruthy();
  });

  it('says how many parts have gone', () => {
    const part = { id: 'p', index: 0, provider_id: null, text: null, attempts: 1 };
    show({
      ...OURS,
      state: 'queued',
      parts: [
        { ...part, id: 'a', state: 'accepted' },
        { ...part, id: 'b', state: 'queued' },
      ],
    });
    expect(screen.getByText('Queued · 1 of 2 parts')).toBeTruthy();
  });
});

describe('message marks', () => {
  it('a deleted message shows that, not its text', () => {
    show({ text: 'secret', deleted_at: '2026-11-23T10:01:00Z' });
    expect(screen.queryByText('secret')).toBeNull();
    expect(screen.getByText('The customer deleted this message')).toBeTruthy();
  });
  it('edited, late, reactions, notes, apps', () => {
    show({ edited_at: '2026-11-23T10:01:00Z', late: true, reactions: [{ by: 'customer', emoji: '👍' }] });
    expect(screen.getByText('edited')).toBeTruthy();
    expect(screen.getByText('arrived late')).toBeTruthy();
    expect(screen.getByText('👍')).toBeTruthy();
  });
  it('a note is seen as a note', () => {
    show({ direction: 'note', author: { kind: 'person', id: 'u', name: 'Mira' } });
    expect(screen.getByText(/Only your team sees this/)).toBeTruthy();
  });
  it('customer text is never markup, and only web addresses are links', () => {
    show({ text: '<img src=x onerror=alert(1)> javascript:alert(1) https://a.example/b.' });
    expect(document.querySelector('img')).toBeNull();
    expect(screen.getAllByRole('link').map((link) => link.getAttribute('href'))).toEqual([
      'https://a.example/b',
    ]);
  });
  it('files show how they stand', () => {
    const file = { id: 'f', kind: 'file', mime: null, name: 'a.pdf', size: 2000, url: null, note: null };
    show({
      attachments: [
        { ...file, status: 'pending' },
        { ...file, id: 'g', status: 'gone' },
      ],
    });
    expect(screen.getByText('Being fetched from the channel…')).toBeTruthy();
    expect(screen.getByText('No longer available')).toBeTruthy();
  });
});
