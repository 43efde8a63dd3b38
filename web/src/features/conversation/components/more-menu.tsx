import { useQueryClient } from '@tanstack/react-query';
import { EllipsisVertical, Link2 } from 'lucide-react';
import { clock } from '../../../lib/dates';
import type { Conversation } from '../../../lib/types';
import { buttonClass } from '../../../ui/button';
import { Menu, MenuGroup, MenuItem, MenuLine } from '../../../ui/menu';
import { sayDone, sayFailed } from '../../../ui/toasts';
import { makeLink, revokeLink, useLinks } from '../api';
import { words } from '../strings';
import type { ConversationActions } from '../use-actions';
import { LabelItems, SnoozeItems } from './header-menus';

/** Links that still lead, or led, somebody in; the rest is history. */
function Links({ id }: { id: string }) {
  const client = useQueryClient();
  const links = useLinks(id).data?.filter((link) => link.state === 'open' || link.state === 'opened');
  if (!links?.length) return null;
  const takeBack = (link: string) =>
    revokeLink(client, id, link)
      .then(() => sayDone(words.tookLinkBack))
      .catch((error) => sayFailed(words.couldNot, error));
  return (
    <>
      <MenuLine />
      <MenuGroup title={words.links}>
        {links.slice(0, 5).map((link) => (
          <MenuItem key={link.id} onClick={() => void takeBack(link.id)} aside={words.takeLinkBack}>
            {clock(link.created_at)}, {words.linkState[link.state]}
          </MenuItem>
        ))}
      </MenuGroup>
    </>
  );
}

interface MoreMenuProps {
  conversation: Conversation;
  actions: ConversationActions;
  /** Snoozing and labels stand here too. */
  phone: boolean;
}

/** What is done with a conversation now and then. */
export function MoreMenu({ conversation, actions, phone }: MoreMenuProps) {
  const { id } = conversation;
  const client = useQueryClient();
  const copy = async () => {
    try {
      const link = await makeLink(id);
      const takeBack = () =>
        void revokeLink(client, id, link.id).catch((error) => sayFailed(words.couldNot, error));
      try {
        await navigator.clipboard.writeText(link.url);
      } catch (error) {
        // It can't be read a second time: a link that nobody has is taken back.
        takeBack();
        throw error;
      }
      sayDone(words.linkCopied, takeBack);
    } catch (error) {
      sayFailed(words.couldNot, error);
    }
  };
  return (
    <Menu
      trigger={
        <button type="button" aria-label={words.more} className={buttonClass('quiet', 'icon')}>
          <EllipsisVertical aria-hidden="true" className="size-4" />
        </button>
      }
    >
      <MenuItem onClick={() => void copy()}>
        <Link2 aria-hidden="true" className="size-4" />
        {words.copyLink}
      </MenuItem>
      <Links id={id} />
      {phone ? (
        <>
          <MenuLine />
          <MenuGroup title={words.snooze}>
            <SnoozeItems actions={actions} />
          </MenuGroup>
          <MenuLine />
          <MenuGroup title={words.labels}>
            <LabelItems below conversation={conversation} actions={actions} />
          </MenuGroup>
        </>
      ) : null}
    </Menu>
  );
}
