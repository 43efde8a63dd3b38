import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Merge, Pencil } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { age, full } from '../../lib/dates';
import { keys } from '../../lib/keys';
import { usePipelines } from '../../lib/queries';
import type { Session } from '../../lib/session';
import type { Contact } from '../../lib/types';
import { useNow } from '../../lib/use-now';
import { Avatar } from '../../ui/avatar';
import { Button } from '../../ui/button';
import { ChannelBadge } from '../../ui/channel-badge';
import { IconButton } from '../../ui/icon-button';
import { Failed, SkeletonRows } from '../../ui/states';
import { moveLead, saveContact, splitOff, undoMerge, useContact } from './api';
import { ContactFields } from './contact-fields';
import { IdentityItem } from './identity-item';
import { MergeDialog } from './merge-dialog';
import { PersonalData } from './personal-data';
import { words } from './strings';

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="border-t border-line px-4 py-3.5">
      <h3 className="mb-1.5 text-sm font-semibold">{title}</h3>
      {children}
    </section>
  );
}

function Name({ contact, readOnly }: { contact: Contact; readOnly: boolean }) {
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get('name')).trim();
    setEditing(false);
    if (name && name !== contact.name) void saveContact(client, contact.id, { name });
  };
  if (editing) {
    return (
      <form onSubmit={save} className="flex w-full gap-1.5">
        <input
          // biome-ignore lint/a11y/noAutofocus: the field opens because the person asked to edit
          autoFocus
          name="name"
          defaultValue={contact.name}
          aria-label={words.rename}
          maxLength={120}
          onKeyDown={(event) => event.key === 'Escape' && setEditing(false)}
          className="field"
        />
        <Button type="submit" kind="primary">
          {words.save}
        </Button>
      </form>
    );
  }
  return (
    <div className="flex max-w-full items-center gap-1">
      <h2 dir="auto" className="min-w-0 text-center text-lg font-semibold [overflow-wrap:anywhere]">
        {contact.name}
      </h2>
      {readOnly ? null : (
        <IconButton label={words.edit} onClick={() => setEditing(true)} small>
          <Pencil aria-hidden="true" className="size-3.5" />
        </IconButton>
      )}
    </div>
  );
}

function LeadStage({ contact, readOnly }: { contact: Contact; readOnly: boolean }) {
  const client = useQueryClient();
  const pipelines = usePipelines();
  const { lead } = contact;
  if (!lead) return <p className="text-sm text-ink-3">{words.noLead}</p>;
  return (
    <select
      value={lead.stage_id}
      aria-label={words.stage}
      disabled={readOnly}
      onChange={(event) => void moveLead(client, contact.id, lead, event.target.value)}
      className="field"
    >
      {pipelines.data?.map((pipeline) => (
        <optgroup key={pipeline.id} label={pipeline.name}>
          {pipeline.stages.map((stage) => (
            <option key={stage.id} value={stage.id}>
              {stage.name}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}

function Others({ contact, current }: { contact: Contact; current: string }) {
  const now = useNow();
  const others = contact.conversations.filter((row) => row.id !== current);
  if (others.length === 0) return null;
  return (
    <Section title={words.others}>
      <ul>
        {others.map((row) => (
          <li key={row.id}>
            <Link
              to="/inbox/$conversationId"
              params={{ conversationId: row.id }}
              search={(before) => before}
              className="flex items-center gap-2 rounded-lg px-2 py-1.5 text-sm hover:bg-hover"
            >
              <ChannelBadge channel={row.channel} text={null} />
              <span className="min-w-0 flex-1 truncate">{row.last_message?.text}</span>
              <span className="text-xs text-ink-3">{age(row.updated_at, now)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** What was merged into the contact last, and merging another into it. */
function SamePerson({ contact, readOnly }: { contact: Contact; readOnly: boolean }) {
  const client = useQueryClient();
  const [merging, setMerging] = useState(false);
  const last = contact.merges[0];
  return (
    <>
      {last ? (
        <p className="mt-1.5 text-xs text-pretty text-ink-3">
          {words.mergedAt(full(last.at), last.by)}{' '}
          {readOnly ? null : (
            <button
              type="button"
              className="rounded-sm font-medium text-accent hover:underline"
              onClick={() => void undoMerge(client, contact.id)}
            >
              {words.undoMerge}
            </button>
          )}
        </p>
      ) : null}
      {readOnly ? null : (
        <Button size="sm" kind="quiet" onClick={() => setMerging(true)} className="mt-1 -ml-2">
          <Merge aria-hidden="true" className="size-3.5" />
          {words.merge}
        </Button>
      )}
      {merging ? <MergeDialog contact={contact} onClose={() => setMerging(false)} /> : null}
    </>
  );
}

interface ContactPanelProps {
  contactId: string;
  conversationId: string;
  readOnly: boolean;
}

/** Who the customer is: name, addresses with proof and consents, lead, fields. */
export function ContactPanel({ contactId, conversationId, readOnly }: ContactPanelProps) {
  const client = useQueryClient();
  const role = client.getQueryData<Session>(keys.session)?.user.role;
  const { data: contact, isPending, error, refetch } = useContact(contactId);
  if (isPending) return <SkeletonRows count={5} label={words.loading} />;
  if (!contact) return <Failed error={error} retry={() => void refetch()} />;
  return (
    <div className="pb-6">
      <div className="flex flex-col items-center gap-2 px-4 py-5">
        <Avatar name={contact.name} seed={contact.id} size="lg" />
        <Name contact={contact} readOnly={readOnly} />
        <p className="text-xs text-ink-3">
          {words.since(full(contact.created_at).split(',').slice(0, 2).join(','))}
        </p>
      </div>
      <Section title={words.identities}>
        {contact.identities.length === 0 ? <p className="text-sm text-ink-3">{words.noIdentities}</p> : null}
        <ul className="divide-y divide-line">
          {contact.identities.map((identity) => (
            <IdentityItem
              key={identity.id}
              identity={identity}
              contactId={readOnly ? null : contact.id}
              onSplit={
                !readOnly && contact.identities.length > 1
                  ? () => void splitOff(client, contact.id, identity.id)
                  : undefined
              }
            />
          ))}
        </ul>
        <SamePerson contact={contact} readOnly={readOnly} />
      </Section>
      <Section title={words.lead}>
        <LeadStage contact={contact} readOnly={readOnly} />
      </Section>
      <Section title={words.fields}>
        <ContactFields
          fields={contact.fields ?? {}}
          onSave={readOnly ? null : (fields) => void saveContact(client, contact.id, { fields })}
        />
      </Section>
      <Others contact={contact} current={conversationId} />
      {role === 'owner' || role === 'admin' ? (
        <Section title={words.personal}>
          <PersonalData contact={contact} />
        </Section>
      ) : null}
    </div>
  );
}
