import { AlarmClock, Bot, Check, Tag as TagSign, UserRound, UserRoundX } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { moment, snoozeTimes } from '../../../lib/dates';
import { useLabels, useUsers } from '../../../lib/queries';
import type { Conversation } from '../../../lib/types';
import { useNow } from '../../../lib/use-now';
import { Avatar } from '../../../ui/avatar';
import { Button, buttonClass } from '../../../ui/button';
import { Menu, MenuCheck, MenuGroup, MenuItem, MenuLine } from '../../../ui/menu';
import { words } from '../strings';
import type { ConversationActions } from '../use-actions';

interface MenuProps {
  conversation: Conversation;
  actions: ConversationActions;
}

/** Who owns the conversation, and giving it to somebody. */
export function OwnerMenu({ conversation, actions, me }: MenuProps & { me: { id: string; name: string } }) {
  const users = useUsers();
  const { owner } = conversation;
  const name =
    owner.kind === 'person'
      ? owner.user_id === me.id
        ? words.toMe
        : owner.name
      : owner.kind === 'bot'
        ? words.toBot
        : words.unassigned;
  const tick = (on: boolean) => (on ? <Check aria-label="current" className="size-4" /> : null);
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={`${words.assign}: ${name}`}
          className={`${buttonClass('plain', 'sm')} max-md:px-1.5`}
        >
          {owner.kind === 'person' ? (
            <Avatar name={owner.name ?? '?'} seed={owner.user_id ?? ''} size="sm" />
          ) : owner.kind === 'bot' ? (
            <Bot aria-hidden="true" className="size-4" />
          ) : (
            <UserRoundX aria-hidden="true" className="size-4 text-ink-3" />
          )}
          <span className="max-w-28 truncate max-md:sr-only">{name}</span>
        </button>
      }
    >
      <MenuItem
        onClick={() =>
          actions.assign({ word: 'me', kind: 'person', id: me.id, name: words.toMe.toLowerCase() })
        }
        aside={owner.user_id === me.id ? tick(true) : 'a'}
      >
        <UserRound aria-hidden="true" className="size-4 text-ink-3" />
        {words.toMe}
      </MenuItem>
      <MenuItem
        onClick={() =>
          actions.assign({ word: 'bot', kind: 'bot', id: null, name: words.toBot.toLowerCase() })
        }
        aside={tick(owner.kind === 'bot')}
      >
        <Bot aria-hidden="true" className="size-4 text-ink-3" />
        {words.toBot}
      </MenuItem>
      <MenuItem
        onClick={() =>
          actions.assign({ word: 'nobody', kind: 'nobody', id: null, name: words.toNobody.toLowerCase() })
        }
        aside={tick(owner.kind === 'nobody')}
      >
        <UserRoundX aria-hidden="true" className="size-4 text-ink-3" />
        {words.toNobody}
      </MenuItem>
      {(users.data?.length ?? 0) > 1 ? (
        <MenuGroup title={words.colleagues}>
          {users.data
            ?.filter((user) => user.id !== me.id)
            .map((user) => (
              <MenuItem
                key={user.id}
                onClick={() =>
                  actions.assign({ word: user.id, kind: 'person', id: user.id, name: user.name })
                }
                aside={tick(owner.user_id === user.id)}
              >
                <Avatar name={user.name} seed={user.id} size="sm" />
                {user.name}
              </MenuItem>
            ))}
        </MenuGroup>
      ) : null}
    </Menu>
  );
}

/** The times when the conversation can come back. */
export function SnoozeItems({ actions }: { actions: ConversationActions }) {
  const now = useNow();
  return snoozeTimes(now).map(({ key, at }) => (
    <MenuItem key={key} onClick={() => actions.snooze(at)} aside={moment(new Date(at).toISOString(), now)}>
      {words.snoozeTimes[key]}
    </MenuItem>
  ));
}

/** When the conversation comes back. */
export function SnoozeMenu({ actions }: { actions: ConversationActions }) {
  return (
    <Menu
      trigger={
        <button type="button" aria-label={words.snooze} className={buttonClass('quiet', 'icon')}>
          <AlarmClock aria-hidden="true" className="size-4" />
        </button>
      }
    >
      <SnoozeItems actions={actions} />
    </Menu>
  );
}

/**
 * The labels of the workspace, those of the conversation ticked, and a field for a new one. Where it stands `below`
 * others, the menu opens on them and not on the field, which would bring a keyboard up.
 */
export function LabelItems({ conversation, actions, below }: MenuProps & { below?: boolean }) {
  const labels = useLabels();
  const [fresh, setFresh] = useState('');
  const all = [...new Set([...(labels.data ?? []), ...conversation.labels])].sort();
  const add = (event: FormEvent) => {
    event.preventDefault();
    const label = fresh.trim();
    if (label) actions.label(label, true);
    setFresh('');
  };
  return (
    <>
      {all.map((label) => (
        <MenuCheck
          key={label}
          checked={conversation.labels.includes(label)}
          onChange={(on) => actions.label(label, on)}
        >
          {label}
        </MenuCheck>
      ))}
      {all.length > 0 ? <MenuLine /> : null}
      <form onSubmit={add} className="flex gap-1.5 p-1">
        <input
          value={fresh}
          onChange={(event) => setFresh(event.target.value)}
          // The menu reads letters as a search through its items.
          onKeyDown={(event) => event.key !== 'Escape' && event.stopPropagation()}
          tabIndex={below ? -1 : undefined}
          aria-label={words.newLabel}
          placeholder={words.newLabel}
          maxLength={40}
          className="field h-8 px-2"
        />
        <Button type="submit" size="sm" tabIndex={below ? -1 : undefined}>
          {words.addLabel}
        </Button>
      </form>
    </>
  );
}

/** The labels of the conversation. */
export function LabelMenu({ conversation, actions }: MenuProps) {
  return (
    <Menu
      trigger={
        <button type="button" aria-label={words.labels} className={buttonClass('quiet', 'icon')}>
          <TagSign aria-hidden="true" className="size-4" />
        </button>
      }
    >
      <LabelItems conversation={conversation} actions={actions} />
    </Menu>
  );
}
