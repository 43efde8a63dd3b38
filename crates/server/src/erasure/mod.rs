//! Erasing a person: rows, files and raw input, and the log from which a restore does it again.
//!
//! The order makes a crash harmless: first a line in the log (outside the database), then the raw journal, then rows, then
//! files. What is not marked as done in the log is carried out again at the next start.

pub mod journal;
pub mod log;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use everthread_core::ids::{ContactId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;
use everthread_store::Store;
use everthread_store::journal::{Erased, Journal};
use everthread_store::read::contacts::{AddressRow, Addresses};
use everthread_store::read::lookup::Find;
use everthread_store::units::{After, ContactErased, EraseContact, GetCursor, Strays, Traces};
use serde_json::json;
use tokio::sync::watch;

use self::journal::{USE, Wanted, plain};
use self::log::{Entry, Line};
use crate::admin::Failure;
use crate::apply::{CURSOR, read_cursor};
use crate::clock;
use crate::hub::Hub;
use crate::registry::Registry;
use crate::seal::{Seal, hex};

/// Messages erased in one unit.
const ERASE_AT_ONCE: u32 = 500;

/// Addresses read at once while people are looked for by the hashes in the log.
const ADDRESSES_AT_ONCE: u32 = 2_000;

/// How long an erasure waits for what was taken in before it and is not applied yet.
const IN_FLIGHT: Duration = Duration::from_secs(10);

/// What an erasure works on.
#[derive(Clone)]
pub struct Eraser {
    pub store: Store,
    pub journal: Journal,
    pub hub: Hub,
    pub seal: Seal,
    pub data: std::path::PathBuf,
    /// True where what comes in is applied meanwhile.
    pub running: bool,
}

impl std::fmt::Debug for Eraser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Eraser")
    }
}

/// What was erased.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub contacts: u64,
    pub messages: u64,
    /// Rows elsewhere that told of the person.
    pub others: u64,
    /// Raw records that were dropped or rewritten.
    pub records: u64,
    /// What follows from the commits.
    pub after: After,
}

impl Report {
    /// For people and scripts.
    pub fn json(&self) -> serde_json::Value {
        json!({ "contacts": self.contacts, "messages": self.messages, "other_rows": self.others,
                "journal_records": self.records })
    }
}

impl Eraser {
    /// Erases a contact for good. Fails before anything is erased, or says what to do: running it again, or a restart of
    /// the hub, carries it to its end.
    pub async fn erase(&self, workspace: WorkspaceId, contact: ContactId) -> Result<Report, Failure> {
        let unit = Traces { workspace, contact };
        let traces = self.store.read(unit).await.map_err(Failure::from_display)?;
        let mut addresses = Vec::new();
        for row in self.all_addresses(|row| row.contact == contact).await? {
            addresses.push(self.address_hash(&row));
        }
        let entry = Entry {
            id: hex(&crate::seal::random_32()[..8]),
            at: clock::now().micros(),
            workspace: self.workspace_uid(workspace)?.show(WorkspaceId::PREFIX),
            contacts: traces.uids.iter().map(|uid| uid.show(ContactId::PREFIX)).collect(),
            addresses,
            values: traces
                .addresses
                .iter()
                .map(|a| hex(&self.seal.mac(USE, plain(&a.value).as_bytes())))
                .collect(),
        };
        log::append(&self.data, &Line::Erase(entry.clone())).map_err(|e| unlogged(&e))?;
        let mut report = self.carry_out(&entry).await?;
        self.in_flight(&entry, &mut report).await?;
        log::append(&self.data, &Line::Done { id: entry.id }).map_err(|e| unlogged(&e))?;
        Ok(report)
    }

    /// Carries out again what the log holds: all of it since `since` (after a restore), or what was not done
    /// (`None`, after a crash). Answers how many.
    pub async fn again(&self, since: Option<Timestamp>) -> Result<(u64, Report), Failure> {
        let lines = log::read(&log::path(&self.data)).map_err(|e| unlogged(&e))?;
        let done: BTreeSet<&str> = lines.iter().filter_map(Line::done).collect();
        let due = lines.iter().filter_map(Line::entry).filter(|entry| match since {
            Some(since) => entry.at >= since.micros(),
            None => !done.contains(entry.id.as_str()),
        });
        let (mut count, mut total) = (0, Report::default());
        for entry in due {
            let report = self.carry_out(entry).await?;
            if !done.contains(entry.id.as_str()) {
                log::append(&self.data, &Line::Done { id: entry.id.clone() }).map_err(|e| unlogged(&e))?;
            }
            count += 1;
            total.add(report);
        }
        Ok((count, total))
    }

    async fn carry_out(&self, entry: &Entry) -> Result<Report, Failure> {
        // The workspace may have been removed since, and all of the person with it.
        let Some(workspace) = self.workspace_of(entry) else { return Ok(Report::default()) };
        let mut report = Report { records: self.raw(workspace, entry).await?.records, ..Report::default() };
        self.rows(workspace, entry, &mut report).await?;
        Ok(report)
    }

    /// Rewrites the journal without the person.
    async fn raw(&self, workspace: WorkspaceId, entry: &Entry) -> Result<Erased, Failure> {
        let registry: watch::Receiver<Arc<Registry>> = self.hub.registry();
        let registry = registry.borrow().clone();
        let wanted =
            Wanted::new(self.seal.clone(), &entry.values, workspace, Timestamp::from_micros(entry.at));
        let (journal, applied) = (self.journal.clone(), self.applied().await?);
        let work = move || {
            journal.erase(clock::seed(), |record| journal::decide(&registry, &wanted, applied, record))
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Failure::from_display)?
            .map_err(|e| Failure(format!("the journal can't be rewritten: {e}. Run it again")))
    }

    /// Erases the rows of every contact that the entry means.
    async fn rows(&self, workspace: WorkspaceId, entry: &Entry, report: &mut Report) -> Result<(), Failure> {
        let mut contacts = BTreeSet::new();
        for uid in entry.contacts.iter().filter_map(|text| Uid::read(ContactId::PREFIX, text)) {
            match self.store.read(Find::<ContactId>::new(workspace, uid)).await {
                Ok(id) => drop(contacts.insert(id)),
                Err(everthread_store::Error::NotFound(_)) => {}
                Err(error) => return Err(Failure::from_display(error)),
            }
        }
        let hashes: BTreeSet<&str> = entry.addresses.iter().map(String::as_str).collect();
        let before = Timestamp::from_micros(entry.at);
        // Who writes again after the erasure is somebody new.
        let same = self
            .all_addresses(|row| {
                row.workspace == workspace
                    && row.last_in_at.is_none_or(|at| at <= before)
                    && hashes.contains(self.address_hash(row).as_str())
            })
            .await?;
        contacts.extend(same.into_iter().map(|row| row.contact));
        for contact in contacts {
            self.contact(workspace, contact, report).await?;
        }
        Ok(())
    }

    async fn contact(
        &self,
        workspace: WorkspaceId,
        contact: ContactId,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let strays = self.store.read(Strays { workspace, contact }).await.map_err(Failure::from_display)?;
        loop {
            let unit = EraseContact {
                now: clock::now(),
                workspace,
                contact,
                strays: strays.clone(),
                limit: ERASE_AT_ONCE,
            };
            let ContactErased { messages, others, more, after } =
                self.store.write(unit).await.map_err(Failure::from_display)?;
            report.messages += messages;
            report.others += others;
            report.after.merge(after);
            if !more {
                report.contacts += 1;
                return Ok(());
            }
        }
    }

    /// What was parsed already when the journal was rewritten may have come back since: it goes too.
    async fn in_flight(&self, entry: &Entry, report: &mut Report) -> Result<(), Failure> {
        let Some(workspace) = self.workspace_of(entry) else { return Ok(()) };
        let last = self.journal.status().last;
        let end = tokio::time::Instant::now() + IN_FLIGHT;
        while self.running && self.applied().await? < last && tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.rows(workspace, entry, report).await
    }

    /// The last record of which all is in the store.
    async fn applied(&self) -> Result<u64, Failure> {
        let unit = GetCursor { name: CURSOR.to_owned() };
        let text = self.store.read(unit).await.map_err(Failure::from_display)?;
        let known = text.as_deref().and_then(read_cursor).filter(|c| c.journal == self.journal.id());
        Ok(known.map_or(0, |cursor| cursor.number))
    }

    /// Every address in the database that is looked for.
    async fn all_addresses(&self, wanted: impl Fn(&AddressRow) -> bool) -> Result<Vec<AddressRow>, Failure> {
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let unit = Addresses { after, limit: ADDRESSES_AT_ONCE };
            let page = self.store.read(unit).await.map_err(Failure::from_display)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.id.0;
            found.extend(page.into_iter().filter(|row| wanted(row)));
        }
    }

    /// Kind, account and value of an address, unreadable without the key file.
    fn address_hash(&self, row: &AddressRow) -> String {
        let account = row.account.map(|uid| uid.0.simple().to_string()).unwrap_or_default();
        hex(&self.seal.mac(USE, format!("{}\n{account}\n{}", row.kind.as_str(), row.value).as_bytes()))
    }

    fn workspace_uid(&self, id: WorkspaceId) -> Result<Uid, Failure> {
        let all = self.hub.workspaces();
        all.iter()
            .find(|w| w.id == id)
            .map(|w| w.uid)
            .ok_or_else(|| Failure("there is no such workspace".into()))
    }

    fn workspace_of(&self, entry: &Entry) -> Option<WorkspaceId> {
        let uid = Uid::read(WorkspaceId::PREFIX, &entry.workspace)?;
        self.hub.workspaces().iter().find(|w| w.uid == uid).map(|w| w.id)
    }
}

impl Report {
    fn add(&mut self, other: Self) {
        self.contacts += other.contacts;
        self.messages += other.messages;
        self.others += other.others;
        self.records += other.records;
        self.after.merge(other.after);
    }
}

fn unlogged(error: &std::io::Error) -> Failure {
    Failure(format!("the log of erasures in the data folder can't be used: {error}"))
}
