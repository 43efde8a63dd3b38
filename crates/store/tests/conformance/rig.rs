//! A store with a workspace, two accounts and rules, and short words for what tests do with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everthread_core::content::{Attachment, AttachmentKind, Content, MediaSource};
use everthread_core::dedupe::KeySecret;
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::dispatch::{Claim as DispatchClaim, LaneHead};
use everthread_core::event::{
    Address, AddressKind, Echo, Event, EventKind, Fact, InMessage, Peer, Receipt, ReceiptOf,
};
use everthread_core::fit::{ButtonLimit, Capabilities, TextLimit};
use everthread_core::ids::{AccountId, ConversationId, RuleId, UserId, WorkspaceId};
use everthread_core::outbox::Settle;
use everthread_core::outcome::Outcome;
use everthread_core::pacing::{Pacing, Rate};
use everthread_core::rules::{RuleSet, Source, compile};
use everthread_core::text::Unit as TextUnit;
use everthread_core::time::{Span, Timestamp};
use everthread_store::testing::postgres;
use everthread_store::units::{
    AddAccount, AddUser, AddWorkspace, Applied, Apply, ApplyItem, AttemptResult, Claim, Claimed, Compose,
    Composed, EndpointChoice, Outgoing, Record, Role,
};
use everthread_store::{Db, Options, Result, Sql, Store, StoreUrl, Unit, Val};

/// Noon of some day.
pub(crate) const T0: Timestamp = Timestamp::from_secs(1_764_000_000);

/// A time `n` seconds after [`T0`].
pub(crate) fn at(n: i64) -> Timestamp {
    T0 + Span::secs(n)
}

/// What events' keys are hashed under.
pub(crate) fn secret() -> KeySecret {
    KeySecret::new(&[5; 32])
}

pub(crate) struct Rig {
    pub(crate) store: Store,
    pub(crate) url: StoreUrl,
    pub(crate) ws: WorkspaceId,
    pub(crate) user: UserId,
    /// Settles by callback and echoes, splits at 20 characters, has a window of a day.
    pub(crate) chat: AccountId,
    /// Never settles, no window.
    pub(crate) plain: AccountId,
    pub(crate) directory: Arc<Directory>,
    pub(crate) rules: Arc<HashMap<WorkspaceId, Arc<RuleSet>>>,
    seeds: AtomicU64,
    records: AtomicU64,
    _dir: Option<tempfile::TempDir>,
}

impl Rig {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::new(StoreUrl::file(dir.path().join("store.db")), Some(dir)).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let url = postgres()?.database().await;
        Some(Self::new(StoreUrl::Postgres(url), None).await)
    }

    async fn new(url: StoreUrl, dir: Option<tempfile::TempDir>) -> Self {
        let store = Store::open(url.clone(), Options::default()).await.unwrap();
        let mut rig = Self {
            store,
            url,
            ws: WorkspaceId(0),
            user: UserId(0),
            chat: AccountId(0),
            plain: AccountId(0),
            directory: Arc::default(),
            rules: Arc::default(),
            seeds: AtomicU64::new(1),
            records: AtomicU64::new(1),
            _dir: dir,
        };
        rig.ws = rig.workspace("shop").await;
        let user = AddUser {
            now: T0,
            seed: rig.seed(),
            workspace: rig.ws,
            email: "a@example.org".into(),
            name: "Ana".into(),
            role: Role::Owner,
        };
        rig.user = rig.store.write(user).await.unwrap();
        rig.chat = rig.account(rig.ws, "chat", Settle::ByCallback(Span::secs(60))).await;
        rig.plain = rig.account(rig.ws, "plain", Settle::Never).await;
        rig
    }

    /// The same on another database, which holds a copy.
    pub(crate) fn with_store(self, store: Store) -> Self {
        Self { store, ..self }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seeds.fetch_add(1, Ordering::Relaxed) * 0x9E37_79B9
    }

    pub(crate) async fn workspace(&self, slug: &str) -> WorkspaceId {
        let unit = AddWorkspace { now: T0, seed: self.seed(), name: slug.into(), slug: slug.into() };
        self.store.write(unit).await.unwrap().0
    }

    pub(crate) async fn account(
        &mut self,
        workspace: WorkspaceId,
        channel: &str,
        settle: Settle,
    ) -> AccountId {
        let unit = AddAccount {
            now: T0,
            seed: self.seed(),
            workspace,
            endpoint: EndpointChoice::New { path_key: format!("{channel}-{}", self.seed()) },
            channel: channel.into(),
            external_id: None,
            name: channel.into(),
            settings: "{}".into(),
            secrets: vec![1],
            sandbox: false,
        };
        let id = self.store.write(unit).await.unwrap().id;
        let rate = Rate { per_s: 1_000.0, burst: 1_000 };
        let caps = Capabilities {
            text: TextLimit { max: 20, unit: TextUnit::Chars },
            caption: None,
            buttons: ButtonLimit { max: 3, title_chars: 20, urls: true },
            media: Vec::new(),
            replies: true,
            reactions: true,
            templates: false,
            echoes: true,
            delivered_receipts: true,
            read_receipts: true,
            window: (settle != Settle::Never).then_some(Span::hours(24)),
            human_window: None,
            settle,
            pacing: Pacing { account: rate, pair: rate },
        };
        let info = AccountInfo {
            id,
            workspace,
            channel: channel.into(),
            network: channel.into(),
            name: channel.into(),
            external_id: None,
            addresses: vec![AddressKind::Instagram],
            caps,
            sandbox: false,
            stopped: None,
            fate: Vec::new(),
            fault: None,
        };
        let mut directory = (*self.directory).clone();
        directory.insert(info);
        self.directory = Arc::new(directory);
        id
    }

    /// Sets the workspace's rules from JSON.
    pub(crate) fn set_rules(&mut self, rules: &[&str]) {
        let sources = rules
            .iter()
            .enumerate()
            .map(|(n, json)| Source {
                id: RuleId(n as i64 + 1),
                name: format!("rule {n}"),
                rule: serde_json::from_str(json).unwrap(),
            })
            .collect();
        let set = compile(sources).unwrap();
        self.rules = Arc::new(HashMap::from([(self.ws, Arc::new(set))]));
    }

    pub(crate) fn item(&self, account: AccountId, received: Timestamp, event: Event) -> ApplyItem {
        ApplyItem {
            record: self.records.fetch_add(1, Ordering::Relaxed),
            index: 0,
            workspace: self.ws,
            account,
            received_at: received,
            event,
            automation: true,
        }
    }

    pub(crate) fn apply_unit(&self, now: Timestamp, items: Vec<ApplyItem>) -> Apply {
        Apply {
            now,
            seed: self.seed(),
            items,
            keys: secret(),
            directory: Arc::clone(&self.directory),
            rules: Arc::clone(&self.rules),
        }
    }

    pub(crate) async fn apply(&self, now: Timestamp, account: AccountId, events: Vec<Event>) -> Applied {
        let items = events.into_iter().map(|event| self.item(account, now, event)).collect();
        self.store.write(self.apply_unit(now, items)).await.unwrap()
    }

    /// Claims a head; `None` where it was skipped.
    pub(crate) async fn claim(&self, now: Timestamp, head: LaneHead) -> Option<Outgoing> {
        self.claim_fenced(now, head, 1).await
    }

    pub(crate) async fn claim_fenced(&self, now: Timestamp, head: LaneHead, fence: i64) -> Option<Outgoing> {
        let claim = DispatchClaim {
            conversation: head.conversation,
            workspace: head.workspace,
            account: head.account,
            peer: head.peer,
            part: head.head,
            class: head.class,
        };
        let unit = Claim {
            now,
            seed: self.seed(),
            claims: vec![claim],
            lease_until: now + Span::secs(90),
            owner: "test".into(),
            fence,
            directory: Arc::clone(&self.directory),
        };
        let (mut out, _) = self.store.write(unit).await.unwrap();
        match out.remove(0) {
            Claimed::Send(outgoing) => Some(*outgoing),
            Claimed::Skip => None,
        }
    }

    pub(crate) async fn record(
        &self,
        now: Timestamp,
        sent: &Outgoing,
        outcome: Outcome,
    ) -> everthread_store::units::After {
        let result = AttemptResult {
            workspace: sent.workspace,
            attempt: sent.attempt,
            outcome,
            request: "POST /".into(),
            answer: "200".into(),
        };
        let unit =
            Record { now, seed: self.seed(), results: vec![result], directory: Arc::clone(&self.directory) };
        self.store.write(unit).await.unwrap().1
    }

    pub(crate) fn compose_unit(&self, now: Timestamp, conversation: ConversationId, text: &str) -> Compose {
        Compose {
            now,
            seed: self.seed(),
            workspace: self.ws,
            conversation,
            user: self.user,
            client_id: None,
            content: Content::text(text),
            reply_to: None,
            expected: None,
            directory: Arc::clone(&self.directory),
        }
    }

    pub(crate) async fn compose(&self, now: Timestamp, conversation: ConversationId, text: &str) -> Composed {
        self.store.write(self.compose_unit(now, conversation, text)).await.unwrap()
    }

    /// Runs one statement, past all units.
    pub(crate) async fn exec(&self, sql: Sql) {
        self.store.write(Exec(sql)).await.unwrap();
    }

    /// The only conversation.
    pub(crate) async fn conversation(&self) -> ConversationId {
        ConversationId(self.ints(everthread_store::sql!("SELECT id FROM conversations"), &[]).await[0])
    }

    /// First column of a query, integers.
    pub(crate) async fn ints(&self, sql: Sql, vals: &[i64]) -> Vec<i64> {
        self.store.read(Ints(sql, vals.to_vec())).await.unwrap()
    }

    /// The only integer of a query.
    pub(crate) async fn int(&self, sql: Sql) -> i64 {
        let rows = self.ints(sql, &[]).await;
        assert_eq!(rows.len(), 1, "{}", sql.lite);
        rows[0]
    }

    /// First column of a query, text; null is `-`.
    pub(crate) async fn texts(&self, sql: Sql) -> Vec<String> {
        self.store.read(Texts(sql)).await.unwrap()
    }
}

struct Ints(Sql, Vec<i64>);

impl Unit for Ints {
    type Out = Vec<i64>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<i64>> {
        let vals: Vec<Val<'_>> = self.1.iter().map(|n| Val::from(*n)).collect();
        let rows: Vec<(i64,)> = db.rows(self.0, &vals).await?;
        Ok(rows.into_iter().map(|(n,)| n).collect())
    }
}

struct Exec(Sql);

impl Unit for Exec {
    type Out = u64;
    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        db.exec(self.0, &[]).await
    }
}

struct Texts(Sql);

impl Unit for Texts {
    type Out = Vec<String>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<String>> {
        let rows: Vec<(Option<String>,)> = db.rows(self.0, &[]).await?;
        Ok(rows.into_iter().map(|(t,)| t.unwrap_or_else(|| "-".to_owned())).collect())
    }
}

pub(crate) fn peer(id: &str) -> Peer {
    Peer {
        addresses: vec![Address { kind: AddressKind::Instagram, value: id.to_owned() }],
        name: Some(format!("Customer {id}")),
        ..Peer::default()
    }
}

/// A picture at the provider, not fetched yet.
pub(crate) fn picture() -> Attachment {
    Attachment {
        kind: AttachmentKind::Image,
        mime: Some("image/png".into()),
        name: None,
        size: Some(12),
        source: Some(MediaSource::Url("https://example.org/a.png".into())),
        note: None,
    }
}

pub(crate) fn message(from: &str, id: &str, text: &str) -> Event {
    Event {
        key: id.to_owned(),
        at: None,
        peer: Some(peer(from)),
        kind: EventKind::Message(InMessage {
            provider_id: id.to_owned(),
            content: Content::text(text),
            ..InMessage::default()
        }),
    }
}

pub(crate) fn receipt(provider_id: &str, fact: Fact) -> Event {
    Event {
        key: format!("{provider_id}:{fact:?}"),
        at: None,
        peer: None,
        kind: EventKind::Receipt(Receipt {
            of: ReceiptOf::ProviderId(provider_id.to_owned()),
            fact,
            error: None,
            correlation: None,
        }),
    }
}

pub(crate) fn echo(to: &str, provider_id: &str, text: &str) -> Event {
    Event {
        key: provider_id.to_owned(),
        at: None,
        peer: Some(peer(to)),
        kind: EventKind::Echo(Echo {
            provider_id: provider_id.to_owned(),
            content: Content::text(text),
            ..Echo::default()
        }),
    }
}

pub(crate) fn accepted(provider_id: &str) -> Outcome {
    Outcome::Accepted { provider_id: provider_id.to_owned() }
}

/// Edits every account that the units are told of.
pub(crate) fn change(rig: &mut Rig, edit: impl Fn(&Rig, &mut AccountInfo)) {
    let mut directory = Directory::default();
    for info in rig.directory.iter() {
        let mut info = AccountInfo::clone(info);
        edit(rig, &mut info);
        directory.insert(info);
    }
    rig.directory = Arc::new(directory);
}
