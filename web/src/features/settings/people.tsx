import { useQueryClient } from '@tanstack/react-query';
import { Ellipsis, UserPlus, Users } from 'lucide-react';
import { useState } from 'react';
import { del, patch, post } from '../../lib/api';
import { age, full } from '../../lib/dates';
import { useNow } from '../../lib/use-now';
import { Avatar } from '../../ui/avatar';
import { Button, buttonClass } from '../../ui/button';
import { CopyText } from '../../ui/copy-text';
import { Dialog } from '../../ui/dialog';
import { Menu, MenuCheck, MenuGroup, MenuItem, MenuLine } from '../../ui/menu';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { Tag } from '../../ui/tag';
import { sayDone, sayFailed } from '../../ui/toasts';
import { useSession } from '../signin/api';
import { grantable, type Member, refreshMembers, type SignInLink, useMembers } from './api';
import { Field, RoleField, SendForm } from './form';
import { words } from './strings';

function Link({ made, name, onClose }: { made: SignInLink; name: string; onClose: () => void }) {
  return (
    <Dialog open title={words.link(name)} onClose={onClose}>
      <div className="space-y-4">
        {made.link ? (
          <>
            <p className="text-pretty">{words.linkText}</p>
            <CopyText value={made.link} label={words.copyLink} />
            <p className="text-sm text-ink-2">{words.linkUntil(full(made.expires_at ?? ''))}</p>
          </>
        ) : (
          <p className="text-pretty">{words.noLink}</p>
        )}
        <Button kind="primary" onClick={onClose}>
          {words.done}
        </Button>
      </div>
    </Dialog>
  );
}

function Invite({ roles, onMade, onClose }: InviteProps) {
  const client = useQueryClient();
  const send = async (form: FormData) => {
    const email = String(form.get('email')).trim();
    const name = String(form.get('name')).trim();
    const body = { email, role: form.get('role'), ...(name ? { name } : {}) };
    onMade(await post<SignInLink>('/users', body), name || email);
    void refreshMembers(client);
  };
  return (
    <Dialog open title={words.inviteTitle} description={words.inviteText} onClose={onClose}>
      <SendForm send={send} label={words.makeLink} onCancel={onClose}>
        <Field label={words.email} name="email" type="email" required autoComplete="off" />
        <Field label={words.name} name="name" maxLength={200} hint={words.nameHint} autoComplete="off" />
        <RoleField roles={roles} />
      </SendForm>
    </Dialog>
  );
}

interface InviteProps {
  roles: string[];
  onMade: (made: SignInLink, name: string) => void;
  onClose: () => void;
}

interface ActionsProps {
  member: Member;
  roles: string[];
  ask: (what: 'remove' | 'reset') => void;
}

function Actions({ member, roles, ask }: ActionsProps) {
  const client = useQueryClient();
  const change = (body: { role: string } | { disabled: boolean }) =>
    void patch(`/users/${member.id}`, body)
      .then(() => sayDone(words.changed(member.name)))
      .catch((error: unknown) => sayFailed(words.notChanged, error))
      .finally(() => void refreshMembers(client));
  return (
    <Menu
      trigger={
        <button type="button" aria-label={words.more(member.name)} className={buttonClass('quiet', 'icon')}>
          <Ellipsis aria-hidden="true" className="size-4" />
        </button>
      }
    >
      <MenuGroup title={words.role}>
        {roles.map((role) => (
          <MenuCheck key={role} checked={role === member.role} onChange={() => change({ role })}>
            {words.roleShort[role]}
          </MenuCheck>
        ))}
      </MenuGroup>
      <MenuLine />
      <MenuItem onClick={() => ask('reset')}>{words.reset}</MenuItem>
      <MenuItem onClick={() => change({ disabled: member.disabled_at === null })}>
        {member.disabled_at ? words.enable : words.disable}
      </MenuItem>
      <MenuItem danger onClick={() => ask('remove')}>
        {words.remove}
      </MenuItem>
    </Menu>
  );
}

function Row({ member, roles, ask }: ActionsProps) {
  const now = useNow();
  const session = useSession();
  return (
    <li className="flex items-center gap-3 border-b border-line py-3 last:border-0">
      <Avatar name={member.name} seed={member.id} />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-medium [overflow-wrap:anywhere]">{member.name}</span>
          {member.id === session.user.id ? <span className="text-sm text-ink-2">({words.you})</span> : null}
          <Tag>{words.roleShort[member.role] ?? member.role}</Tag>
          {member.second_factor ? <Tag tone="accent">{words.factorOn}</Tag> : null}
          {member.disabled_at ? <Tag tone="warn">{words.disabled}</Tag> : null}
        </p>
        <p className="flex flex-wrap gap-x-4 text-sm text-ink-2">
          <span className="[overflow-wrap:anywhere]">{member.email}</span>
          {member.seen_at ? (
            <time dateTime={member.seen_at} title={full(member.seen_at)}>
              {words.seen}: {age(member.seen_at, now)}
            </time>
          ) : (
            <span>{words.neverSeen}</span>
          )}
        </p>
      </div>
      {roles.includes(member.role) ? <Actions member={member} roles={roles} ask={ask} /> : null}
    </li>
  );
}

/** Who signs in to the workspace. */
export function People() {
  const client = useQueryClient();
  const session = useSession();
  const members = useMembers();
  const roles = grantable(session.user.role);
  const [inviting, setInviting] = useState(false);
  const [made, setMade] = useState<{ made: SignInLink; name: string } | null>(null);
  const [asked, setAsked] = useState<{ what: 'remove' | 'reset'; member: Member } | null>(null);
  const close = () => setAsked(null);
  const confirm = async () => {
    if (!asked) return;
    const { member, what } = asked;
    if (what === 'remove') {
      await del(`/users/${member.id}`);
      sayDone(words.removed(member.name));
    } else {
      setMade({ made: await post<SignInLink>(`/users/${member.id}/reset`), name: member.name });
    }
    close();
    void refreshMembers(client);
  };
  return (
    <section aria-labelledby="people">
      <header className="mb-3 flex flex-wrap items-end gap-3">
        <div className="min-w-0 flex-1 basis-64">
          <h2 id="people" className="text-lg font-semibold">
            {words.sections.people}
          </h2>
          <p className="text-pretty text-ink-2">{words.peopleText}</p>
        </div>
        {roles.length > 0 ? (
          <Button kind="primary" onClick={() => setInviting(true)}>
            <UserPlus aria-hidden="true" className="size-4" />
            {words.invite}
          </Button>
        ) : null}
      </header>
      {members.isPending ? (
        <SkeletonRows count={4} label={words.loading} />
      ) : members.isError ? (
        <Failed error={members.error} retry={() => void members.refetch()} />
      ) : members.data.length === 0 ? (
        <Empty Sign={Users} title={words.noPeople} />
      ) : (
        <ul className="border-t border-line">
          {members.data.map((member) => (
            <Row key={member.id} member={member} roles={roles} ask={(what) => setAsked({ what, member })} />
          ))}
        </ul>
      )}
      {inviting ? (
        <Invite
          roles={roles}
          onClose={() => setInviting(false)}
          onMade={(link, name) => {
            setInviting(false);
            setMade({ made: link, name });
          }}
        />
      ) : null}
      {made ? <Link {...made} onClose={() => setMade(null)} /> : null}
      {asked ? (
        <Dialog
          open
          onClose={close}
          title={(asked.what === 'remove' ? words.removeTitle : words.resetTitle)(asked.member.name)}
          description={asked.what === 'remove' ? words.removeText : words.resetText}
        >
          <SendForm
            send={confirm}
            danger
            label={asked.what === 'remove' ? words.remove : words.reset}
            onCancel={close}
          />
        </Dialog>
      ) : null}
    </section>
  );
}
