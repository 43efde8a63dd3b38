//! The simulated platforms beside the hub (`serve --sandbox`), as its API steers them.
//!
//! What is done here reaches the platforms only. Continuity is told nothing: it learns of a fault the way it learns of a real one.

use std::sync::Arc;

use everthread_core::ids::{AccountId, WorkspaceId};
use everthread_sandbox::{Active, Error, Handle, Press};

/// The sandbox with the accounts of the hub that live on it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Handle,
    workspace: WorkspaceId,
    /// Our account, and the sandbox's own name for it.
    accounts: Vec<(AccountId, String)>,
}

impl Sandbox {
    /// A running sandbox whose accounts belong to this workspace.
    pub fn new(handle: Handle, workspace: WorkspaceId, accounts: Vec<(AccountId, String)>) -> Self {
        Self(Arc::new(Inner { handle, workspace, accounts }))
    }

    /// Where the platforms listen.
    pub fn addr(&self) -> std::net::SocketAddr {
        self.0.handle.addr()
    }

    /// Whose accounts it plays.
    pub fn workspace(&self) -> WorkspaceId {
        self.0.workspace
    }

    /// The sandbox's own name for one of our accounts. `None` for real accounts: no fault can name them.
    pub fn name_of(&self, account: AccountId) -> Option<&str> {
        self.0.accounts.iter().find(|(id, _)| *id == account).map(|(_, name)| name.as_str())
    }

    /// Our account behind the sandbox's own name.
    pub fn account_of(&self, name: &str) -> Option<AccountId> {
        self.0.accounts.iter().find(|(_, known)| known == name).map(|(id, _)| *id)
    }

    /// Our accounts on it.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.0.accounts.iter().map(|(id, _)| *id)
    }

    /// Takes something down; returns the ids of the faults. Fails if that makes no sense, and says why.
    pub fn press(&self, press: &Press) -> Result<Vec<u64>, Error> {
        self.0.handle.press(press)
    }

    /// Faults in force, and those that wait for their time.
    pub fn faults(&self) -> Vec<Active> {
        self.0.handle.faults()
    }

    /// Ends a fault; false if there is none of this id.
    pub fn lift(&self, id: u64) -> bool {
        self.0.handle.lift(id)
    }
}
