//! Stored messages and waiting bulk to measure on, made through the store's own units.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use everthread_channels::{RawRecord, find};
use everthread_core::content::Content;
use everthread_core::ids::{AccountId, ConversationId, RuleId, WorkspaceId};
use everthread_core::rules::{RuleSet, Source, compile};
use everthread_store::Store;
use everthread_store::units::{AddApiKey, Apply, ApplyItem, Lanes, QueueBulk, Role};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::bodies::{BULK, CONTACTS, Maker, Mark, account_of, phone_number_id};
use crate::admin::{Admin, Failure, lock};
use crate::cli::Place;
use crate::config;
use crate::seal::{hex, random_32};

/// Items in one unit.
const UNIT_ITEMS: usize = 1_024;

/// Units under way at once, so that they share commits.
const UNITS: usize = 4;

/// A stopped hub's data, opened to put something into it.
pub(super) struct Seeder {
    admin: Admin,
    workspace: WorkspaceId,
    accounts: HashMap<String, AccountId>,
    maker: Maker,
    _lock: crate::admin::FolderLock,
}

/// Rules of which none ever matches: the prepared conversations are the bot's, and nothing in them is answered yet.
fn silent() -> Result<RuleSet, Failure> {
    let rule = json!({ "trigger": { "type": "postback", "payload": "never" }, "actions": [{ "type": "label", "add": ["never"] }] });
    let rule = serde_json::from_value(rule).map_err(Failure::from_display)?;
    compile(vec![Source { id: RuleId(0), name: "silent".into(), rule }])
        .map_err(|errors| Failure(format!("{errors:?}")))
}

impl Seeder {
    pub(super) async fn open(dir: &Path) -> Result<Self, Failure> {
        let place = Place { data: Some(dir.to_owned()), database_url: None, config: None };
        let config = config::load(&place, None).map_err(Failure::from_display)?;
        let held = lock(dir)
            .map_err(Failure::from_display)?
            .ok_or_else(|| Failure("the folder is in use".into()))?;
        let admin = Admin::open(&config).await?;
        let workspace = admin.workspace(None)?.id;
        let registry = admin.hub.registry().borrow().clone();
        let accounts = registry
            .accounts()
            .filter_map(|a| Some((a.settings.get("phone_number_id")?.to_owned(), a.id)))
            .collect();
        let now = crate::clock::now().micros() / 1_000_000;
        let maker = Maker { host: "seed".into(), path: "/".into(), seed: u32::MAX, now };
        Ok(Self { admin, workspace, accounts, maker, _lock: held })
    }

    fn store(&self) -> &Store {
        &self.admin.store
    }

    /// Stores this many customers' messages, in turn over all customers, each as its webhook would.
    pub(super) async fn messages(&self, count: u32) -> Result<(), Failure> {
        use futures_util::{StreamExt, TryStreamExt};
        let channel = find("whatsapp").ok_or_else(|| Failure("no such channel".into()))?;
        let keys = self.admin.seal.event_keys();
        let directory = self.admin.hub.registry().borrow().directory.clone();
        let rules = Arc::new(HashMap::from([(self.workspace, Arc::new(silent()?))]));
        let units = (0..count).step_by(UNIT_ITEMS).map(|from| {
            let items = (from..count.min(from + UNIT_ITEMS as u32))
                .filter_map(|i| {
                    self.item(channel, Mark { contact: i % CONTACTS, nth: i / CONTACTS }, u64::from(i))
                })
                .collect();
            Apply {
                now: crate::clock::now(),
                seed: crate::clock::seed(),
                items,
                keys: keys.clone(),
                directory: Arc::clone(&directory),
                rules: Arc::clone(&rules),
            }
        });
        futures_util::stream::iter(units.map(|unit| self.store().write(unit)))
            .buffered(UNITS)
            .try_for_each(|_| async { Ok(()) })
            .await
            .map_err(Failure::from_display)
    }

    fn item(&self, channel: &dyn everthread_channels::Channel, mark: Mark, record: u64) -> Option<ApplyItem> {
        let body = self.maker.message_body(mark);
        let raw = RawRecord { body: body.as_bytes(), content_type: "application/json", query: "" };
        let event = channel.parse(&raw).items.into_iter().next()?.event;
        Some(ApplyItem {
            record,
            index: 0,
            workspace: self.workspace,
            account: *self.accounts.get(&phone_number_id(account_of(mark.contact)))?,
            received_at: crate::clock::now(),
            event,
            automation: true,
        })
    }

    /// Queues bulk messages, `each` in every conversation but the first `free`. Answers how many.
    pub(super) async fn bulk(&self, free: usize, each: u32) -> Result<u64, Failure> {
        let lanes: Vec<ConversationId> =
            self.store().read(Lanes { workspace: self.workspace }).await.map_err(Failure::from_display)?;
        let mut queued = 0;
        for chunk in lanes.get(free..).unwrap_or_default().chunks(UNIT_ITEMS) {
            for nth in 0..each {
                let unit = QueueBulk {
                    now: crate::clock::now(),
                    seed: crate::clock::seed(),
                    workspace: self.workspace,
                    conversations: chunk.to_vec(),
                    content: Content::text(format!(
                        "{} our offers of the week",
                        Mark { contact: BULK, nth }.text()
                    )),
                    directory: self.admin.hub.registry().borrow().directory.clone(),
                };
                queued += self.store().write(unit).await.map_err(Failure::from_display)?;
            }
        }
        Ok(queued)
    }

    /// A key that may read everything.
    pub(super) async fn api_key(&self) -> Result<String, Failure> {
        let token = hex(&random_32());
        let unit = AddApiKey {
            now: crate::clock::now(),
            seed: crate::clock::seed(),
            workspace: self.workspace,
            name: "bench".into(),
            token_hash: Sha256::digest(token.as_bytes()).to_vec(),
            role: Role::Viewer,
            created_by: None,
        };
        self.store().write(unit).await.map_err(Failure::from_display)?;
        Ok(token)
    }
}
