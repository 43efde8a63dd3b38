import { CircleAlert, ExternalLink, Trash2 } from 'lucide-react';
import { age, full } from '../../lib/dates';
import type { Account } from '../../lib/types';
import { useNow } from '../../lib/use-now';
import { ChannelSign } from '../../ui/channel-badge';
import { CopyText } from '../../ui/copy-text';
import { IconButton } from '../../ui/icon-button';
import { SandboxTag, Tag } from '../../ui/tag';
import { words } from './strings';

function Last({ title, at }: { title: string; at: string | null }) {
  const now = useNow();
  return (
    <span className="whitespace-nowrap">
      {title}:{' '}
      {at ? (
        <time dateTime={at} title={full(at)}>
          {age(at, now)}
        </time>
      ) : (
        words.never
      )}
    </span>
  );
}

/** The web chat's own page, and the line that puts it into a site. */
function ChatLinks({ chatKey }: { chatKey: string }) {
  const base = location.origin;
  const tag = `<script async src="${base}/chat/widget.js" data-key="${chatKey}" data-base="${base}"></script>`;
  return (
    <div className="mt-1.5 flex max-w-xl flex-col gap-1">
      <a
        href={`/chat/${chatKey}`}
        target="_blank"
        rel="noreferrer"
        className="flex w-fit items-center gap-1 rounded text-sm font-medium text-accent-ink underline-offset-2 hover:underline"
      >
        {words.openChat}
        <ExternalLink aria-hidden="true" className="size-3.5" />
      </a>
      <CopyText value={tag} label={words.copyTag} />
    </div>
  );
}

/** One connected account: does it work, where its webhook is, when it was last used. */
export function AccountItem({
  account,
  onRemove,
}: {
  account: Account;
  onRemove: ((account: Account) => void) | null;
}) {
  return (
    <li className="flex items-start gap-4 border-b border-line py-4 last:border-0">
      <ChannelSign channel={account.channel} />
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-2">
          <h2 className="font-semibold">{account.name}</h2>
          <span className="text-sm text-ink-2">{account.title}</span>
          <Tag tone={account.status === 'active' ? 'accent' : 'danger'}>
            {account.status === 'active' ? words.active : words.stopped}
          </Tag>
          {account.sandbox ? <SandboxTag /> : null}
        </div>
        {account.problem ? (
          <p className="mt-1 flex items-start gap-1.5 text-sm text-danger">
            <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
            {account.problem}
          </p>
        ) : null}
        <p className="mt-1 flex flex-wrap gap-x-4 text-sm text-ink-2">
          <Last title={words.lastIn} at={account.last_in_at} />
          <Last title={words.lastOut} at={account.last_out_at} />
        </p>
        {account.channel === 'webchat' && account.webhook_path ? (
          <ChatLinks chatKey={account.webhook_path.split('/').pop() ?? ''} />
        ) : account.webhook_path ? (
          <div className="mt-1.5 max-w-md">
            <CopyText value={account.webhook_path} label={words.copyHook} />
          </div>
        ) : null}
      </div>
      {onRemove ? (
        <IconButton label={words.remove} onClick={() => onRemove(account)}>
          <Trash2 aria-hidden="true" className="size-4" />
        </IconButton>
      ) : null}
    </li>
  );
}
