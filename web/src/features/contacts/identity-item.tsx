import { BadgeCheck, CircleDashed, EllipsisVertical, Link2, Split } from 'lucide-react';
import { addressText } from '../../lib/channel-style';
import { full } from '../../lib/dates';
import type { Consent, Identity } from '../../lib/types';
import { buttonClass } from '../../ui/button';
import { ChannelBadge } from '../../ui/channel-badge';
import { Hint } from '../../ui/hint';
import { Menu, MenuItem } from '../../ui/menu';
import { Tag } from '../../ui/tag';
import { words } from './strings';
import { VerifyByHand } from './verify-by-hand';

const SIGNS = { claimed: CircleDashed, invited: Link2, verified: BadgeCheck };
const TONES = { claimed: 'plain', invited: 'warn', verified: 'accent' } as const;
/** Kinds of address that no single channel owns, and the sign they show with. */
const KIND_CHANNELS: Record<string, string> = { phone: 'sms' };

function ConsentLine({ consent }: { consent: Consent }) {
  return (
    <li className={`text-xs ${consent.withdrawn_at ? 'text-ink-3' : 'text-ink-2'}`}>
      <span className={consent.withdrawn_at ? 'line-through' : 'font-medium text-ink'}>
        {consent.purpose}
      </span>
      :{' '}
      {consent.withdrawn_at
        ? words.withdrawn(full(consent.withdrawn_at))
        : words.given(full(consent.at), consent.source)}
      <span className="block text-pretty italic">“{consent.wording}”</span>
    </li>
  );
}

interface IdentityItemProps {
  identity: Identity;
  /** Whose it is; null where nothing may be changed. */
  contactId: string | null;
  /** Makes it a contact of its own; absent where it is the only address, or nothing may be changed. */
  onSplit?: (() => void) | undefined;
}

/** One address of a contact: how sure it is, and what the person agreed to. */
export function IdentityItem({ identity, contactId, onSplit }: IdentityItemProps) {
  const Sign = SIGNS[identity.proof];
  return (
    <li className="py-2">
      <div className="flex items-center gap-2">
        <ChannelBadge
          channel={identity.channel ?? KIND_CHANNELS[identity.kind] ?? identity.kind}
          text={addressText(identity.channel, identity.value_label)}
          className="flex-1 text-sm"
        />
        <Hint text={words.proofHints[identity.proof]}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the explanation must be reachable by keyboard */}
          <span tabIndex={0} className="rounded-md">
            <Tag tone={TONES[identity.proof]}>
              <Sign aria-hidden="true" className="size-3" />
              {words.proofs[identity.proof]}
            </Tag>
          </span>
        </Hint>
        {onSplit ? (
          <Menu
            trigger={
              <button
                type="button"
                aria-label={words.addressActions(identity.value_label)}
                className={buttonClass('quiet', 'icon-sm')}
              >
                <EllipsisVertical aria-hidden="true" className="size-4" />
              </button>
            }
          >
            <MenuItem onClick={onSplit}>
              <Split aria-hidden="true" className="size-4" />
              {words.split}
            </MenuItem>
          </Menu>
        ) : null}
      </div>
      {identity.reachable ? null : <p className="mt-0.5 pl-5 text-xs text-warn">{words.unreachable}</p>}
      {contactId && identity.proof !== 'verified' ? (
        <VerifyByHand contactId={contactId} identityId={identity.id} proof={identity.proof} />
      ) : null}
      {identity.consents.length > 0 ? (
        <ul aria-label={words.consents} className="mt-1.5 space-y-1 pl-5">
          {identity.consents.map((consent) => (
            <ConsentLine key={`${consent.purpose}${consent.at}`} consent={consent} />
          ))}
        </ul>
      ) : (
        <p className="mt-0.5 pl-5 text-xs text-ink-3">{words.noConsents}</p>
      )}
    </li>
  );
}
