//! What units of work need to know of the accounts: given by the server from the channels' data, so that the
//! store never sees an adapter.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::AddressKind;
use crate::fit::Capabilities;
use crate::ids::{AccountId, IncidentId, WorkspaceId};

/// One account as decisions see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountInfo {
    pub id: AccountId,
    pub workspace: WorkspaceId,
    /// The channel's word, e.g. `whatsapp`.
    pub channel: String,
    /// The network it reaches; two channels may share one (`sms`).
    pub network: String,
    /// What people call the account.
    pub name: String,
    /// The provider's id of our account; `None` where its endpoint serves exactly this one.
    pub external_id: Option<String>,
    /// Addresses it can send to, best first.
    pub addresses: Vec<AddressKind>,
    pub caps: Capabilities,
    /// Simulated: badged, and removed by one command.
    pub sandbox: bool,
    /// Why it sends nothing until somebody acts (I9); what comes in is still taken.
    pub stopped: Option<String>,
    /// What it fails together with, its company first.
    pub fate: Vec<String>,
    /// The open incident that it lies in, while nothing but canaries may go.
    pub fault: Option<AccountFault>,
}

/// Why an account waits without anybody having to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFault {
    pub incident: IncidentId,
    /// What people read on every message that waits.
    pub reason: String,
}

/// All accounts. Cheap to clone behind an `Arc`; replaced as a whole or account by account when one changes.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    accounts: HashMap<AccountId, Arc<AccountInfo>>,
    /// Two workspaces may hold accounts with one provider id: the secret that verified decides between them.
    external: HashMap<String, HashMap<String, Vec<AccountId>>>,
}

impl Directory {
    /// Puts an account in, replacing what was known under its id.
    pub fn insert(&mut self, info: AccountInfo) {
        self.remove(info.id);
        if let Some(external) = &info.external_id {
            let ids =
                self.external.entry(info.channel.clone()).or_default().entry(external.clone()).or_default();
            ids.push(info.id);
            ids.sort_unstable();
        }
        self.accounts.insert(info.id, Arc::new(info));
    }

    /// Takes an account out. `None` where it was not there.
    pub fn remove(&mut self, id: AccountId) -> Option<Arc<AccountInfo>> {
        let info = self.accounts.remove(&id)?;
        if let (Some(external), Some(by_id)) = (&info.external_id, self.external.get_mut(&info.channel))
            && let Some(ids) = by_id.get_mut(external)
        {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                by_id.remove(external);
            }
        }
        Some(info)
    }

    /// The same accounts with these faults, and no others.
    #[must_use]
    pub fn with_faults(&self, faults: &HashMap<AccountId, AccountFault>) -> Self {
        let mut next = self.clone();
        for (id, info) in &mut next.accounts {
            let fault = faults.get(id);
            if info.fault.as_ref() != fault {
                *info = Arc::new(AccountInfo { fault: fault.cloned(), ..AccountInfo::clone(info) });
            }
        }
        next
    }

    /// One account.
    pub fn get(&self, id: AccountId) -> Option<&Arc<AccountInfo>> {
        self.accounts.get(&id)
    }

    /// Accounts of a channel under this provider id, lowest id first; more than one only in different workspaces.
    pub fn by_external(&self, channel: &str, external_id: &str) -> &[AccountId] {
        self.external.get(channel).and_then(|ids| ids.get(external_id)).map_or(&[], Vec::as_slice)
    }

    /// Accounts of one workspace, in no order.
    pub fn of_workspace(&self, workspace: WorkspaceId) -> impl Iterator<Item = &Arc<AccountInfo>> {
        self.accounts.values().filter(move |info| info.workspace == workspace)
    }

    /// All accounts, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<AccountInfo>> {
        self.accounts.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }
}
