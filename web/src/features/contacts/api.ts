import { keepPreviousData, type QueryClient, useQuery } from '@tanstack/react-query';
import { del, get, patch, post, query } from '../../lib/api';
import { keys } from '../../lib/keys';
import type { Contact, ContactRow, Lead, MergePlan, Page } from '../../lib/types';
import { sayDone, sayFailed } from '../../ui/toasts';
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

/** Contacts whose name begins with what was typed, newest first while nothing is. */
export const useContactSearch = (q: string) =>
  useQuery({
    queryKey: keys.contactSearch(q),
    queryFn: ({ signal }) => get<Page<ContactRow>>(`/contacts${query({ q, limit: 20 })}`, signal),
    placeholderData: keepPreviousData,
  });

/** What merging `gone` into `kept` would do. */
export const useMergePlan = (kept: string, gone: string) =>
  useQuery({
    queryKey: keys.mergePlan(kept, gone),
    queryFn: ({ signal }) => get<MergePlan>(`/contacts/${kept}/merge${query({ with: gone })}`, signal),
    staleTime: 0,
  });

/** Who a conversation, a list or a lead belongs to has changed: all of them are read again. */
function refreshPeople(client: QueryClient): void {
  for (const key of [keys.contacts, keys.conversations, keys.lists, keys.leads]) {
    void client.invalidateQueries({ queryKey: key });
  }
}

/** Takes back what was merged into a contact last. */
export async function undoMerge(client: QueryClient, kept: string): Promise<void> {
  try {
    await post(`/contacts/${kept}/merge/undo`);
    sayDone(words.unmerged);
  } catch (error) {
    sayFailed(words.notUnmerged, error);
  } finally {
    refreshPeople(client);
  }
}

/** Merges one contact into another; fails as the hub does. */
export async function mergeContacts(
  client: QueryClient,
  kept: string,
  gone: ContactRow,
  take: string[],
): Promise<void> {
  await post(`/contacts/${kept}/merge`, { with: gone.id, take });
  refreshPeople(client);
  sayDone(words.merged(gone.name), () => void undoMerge(client, kept));
}

/** Makes a contact of its own out of one address. */
export async function splitOff(client: QueryClient, contact: string, identity: string): Promise<void> {
  try {
    const made = await post<Contact>(`/contacts/${contact}/split`, { identities: [identity] });
    sayDone(words.splitDone, () => {
      void post(`/contacts/${contact}/merge`, { with: made.id })
        .catch((error: unknown) => sayFailed(words.notMerged, error))
        .finally(() => refreshPeople(client));
    });
  } catch (error) {
    sayFailed(words.notSplit, error);
  } finally {
    refreshPeople(client);
  }
}

/** Erases a person for good; fails as the hub does. */
export async function eraseContact(client: QueryClient, contact: Contact): Promise<void> {
  await del(`/contacts/${contact.id}`);
  client.removeQueries({ queryKey: keys.contact(contact.id) });
  for (const row of contact.conversations) {
    client.removeQueries({ queryKey: keys.conversation(row.id) });
    client.removeQueries({ queryKey: keys.thread(row.id) });
  }
  for (const key of [keys.lists, keys.leads, keys.counts]) {
    void client.invalidateQueries({ queryKey: key });
  }
  sayDone(words.erased(contact.name));
}
