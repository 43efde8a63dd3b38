import { type QueryClient, useQuery } from '@tanstack/react-query';
import { get, patch, post } from '../../lib/api';
import { keys } from '../../lib/keys';
import type { Contact, Lead } from '../../lib/types';
import { sayFailed } from '../../ui/toasts';
import { words } from './strings';

export const useContact = (id: string) =>
  useQuery({
    queryKey: keys.contact(id),
    queryFn: ({ signal }) => get<Contact>(`/contacts/${id}`, signal),
  });

/** Changes a contact: shown at once, then read back. */
export async function saveContact(
  client: QueryClient,
  id: string,
  change: { name?: string; fields?: Record<string, unknown> },
): Promise<void> {
  client.setQueryData<Contact>(keys.contact(id), (contact) =>
    contact ? { ...contact, ...change } : contact,
  );
  try {
    await patch(`/contacts/${id}`, change);
  } catch (error) {
    sayFailed(words.notSaved, error);
  } finally {
    void client.invalidateQueries({ queryKey: keys.contact(id) });
    if (change.name !== undefined) {
      void client.invalidateQueries({ queryKey: keys.conversations });
      void client.invalidateQueries({ queryKey: keys.lists });
    }
  }
}

/** A person's word that an address is the contact's. */
export async function verifyIdentity(client: QueryClient, id: string, identity: string): Promise<void> {
  client.setQueryData<Contact>(
    keys.contact(id),
    await post<Contact>(`/contacts/${id}/identities/${identity}/verify`),
  );
  void client.invalidateQueries({ queryKey: keys.conversations });
}

/** Moves the contact's lead to another stage. */
export async function moveLead(
  client: QueryClient,
  contactId: string,
  lead: Lead,
  stageId: string,
): Promise<void> {
  client.setQueryData<Contact>(keys.contact(contactId), (contact) =>
    contact ? { ...contact, lead: { ...lead, stage_id: stageId } } : contact,
  );
  try {
    await patch(`/leads/${lead.id}`, { stage_id: stageId });
  } catch (error) {
    sayFailed(words.notSaved, error);
  } finally {
    void client.invalidateQueries({ queryKey: keys.contact(contactId) });
    void client.invalidateQueries({ queryKey: keys.leads });
  }
}
