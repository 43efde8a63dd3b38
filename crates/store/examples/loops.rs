//! Full loops per second of the units alone: a message in, the rule's answer, its claim, its record, its receipt;
//! grouped as the server groups them. `cargo run --release -p everthread-store --example loops [stored messages]`.

#![expect(clippy::disallowed_methods, reason = "the tasks of a measurement are awaited in its only function")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use everthread_core::content::Content;
use everthread_core::dedupe::KeySecret;
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::dispatch;
use everthread_core::event::{
    Address, AddressKind, Event, EventKind, Fact, InMessage, Peer, Receipt, ReceiptOf,
};
use everthread_core::fit::{ButtonLimit, Capabilities, TextLimit};
use everthread_core::ids::{AccountId, RuleId, WorkspaceId};
use everthread_core::outbox::Settle;
use everthread_core::outcome::Outcome;
use everthread_core::pacing::{Pacing, Rate};
use everthread_core::rules::{RuleSet, Source, compile};
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::{
    AddAccount, AddWorkspace, Apply, ApplyItem, AttemptResult, Claim, Claimed, EndpointChoice, Record,
};
use everthread_store::{Options, Store, StoreUrl};

const BATCH: usize = 64;
const CONTACTS: u64 = 20_000;
const WORKERS: u64 = 4;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let stored: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let seconds: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(10);
    let place = args.next();
    let dir = std::env::temp_dir().join(format!("everthread-loops-{}", std::process::id()));
    let url = match &place {
        Some(url) if url.starts_with("postgres") => StoreUrl::Postgres(url.clone()),
        _ => {
            let dir = place.map_or(dir.clone(), PathBuf::from);
            std::fs::create_dir_all(&dir).expect("a folder");
            StoreUrl::file(dir.join("store.db"))
        }
    };
    let store = Store::open(url, Options::default()).await.expect("a store");
    let world = Arc::new(World::new(store).await);
    println!("filling {stored} messages");
    world.run(0, Some(stored / 2), 600).await;
    for round in 0..3 {
        let started = Instant::now();
        let loops = world.run(stored + round * 100_000_000, None, seconds).await;
        println!("{:.0} loops/s", loops as f64 / started.elapsed().as_secs_f64());
    }
    drop(world);
    std::fs::remove_dir_all(dir).ok();
}

struct World {
    store: Store,
    workspace: WorkspaceId,
    account: AccountId,
    directory: Arc<Directory>,
    rules: Arc<HashMap<WorkspaceId, Arc<RuleSet>>>,
}

impl World {
    async fn new(store: Store) -> Self {
        let now = time(0);
        let unit = AddWorkspace { now, seed: 1, name: "Shop".into(), slug: "shop".into() };
        let (workspace, _) = store.write(unit).await.expect("a workspace");
        let unit = AddAccount {
            now,
            seed: 2,
            workspace,
            endpoint: EndpointChoice::New { path_key: "k".into() },
            channel: "whatsapp".into(),
            external_id: None,
            name: "Shop".into(),
            settings: "{}".into(),
            secrets: vec![1],
            sandbox: false,
        };
        let account = store.write(unit).await.expect("an account").id;
        let mut directory = Directory::default();
        directory.insert(info(workspace, account));
        let rule = r#"{"trigger": {"type": "message"},
                       "actions": [{"type": "reply", "text": "Hello, we answer soon."}]}"#;
        let rule = serde_json::from_str(rule).expect("a rule");
        let source = Source { id: RuleId(1), name: "hello".into(), rule };
        let rules = compile(vec![source]).expect("rules");
        let rules = Arc::new(HashMap::from([(workspace, Arc::new(rules))]));
        Self { store, workspace, account, directory: Arc::new(directory), rules }
    }

    /// Loops until `target` are done or `seconds` are over; how many were done.
    async fn run(self: &Arc<Self>, first: u64, target: Option<u64>, seconds: u64) -> u64 {
        let started = Instant::now();
        let tasks: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let world = Arc::clone(self);
                tokio::spawn(async move {
                    let mut done = 0;
                    let share = target.map_or(u64::MAX, |n| n / WORKERS);
                    while done < share && started.elapsed().as_secs() < seconds {
                        world.batch(first + worker * 10_000_000 + done).await;
                        done += BATCH as u64;
                    }
                    done
                })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await.expect("a worker");
        }
        done
    }

    async fn batch(&self, first: u64) {
        let now = time(first as i64);
        let numbers: Vec<u64> = (first..first + BATCH as u64).collect();
        let items = numbers.iter().map(|n| self.item(*n, now, message(*n))).collect();
        let applied = self.apply(now, first, items).await;
        let claims: Vec<dispatch::Claim> = applied
            .iter()
            .map(|head| dispatch::Claim {
                conversation: head.conversation,
                workspace: head.workspace,
                account: head.account,
                peer: head.peer,
                part: head.head,
                class: head.class,
            })
            .collect();
        let unit = Claim {
            now,
            seed: first,
            claims,
            lease_until: now + Span::secs(90),
            owner: "bench".into(),
            fence: 1,
            directory: Arc::clone(&self.directory),
        };
        let (claimed, _) = self.store.write(unit).await.expect("claims");
        let results: Vec<AttemptResult> = claimed
            .iter()
            .filter_map(|claimed| match claimed {
                Claimed::Send(sent) => Some(AttemptResult {
                    workspace: sent.workspace,
                    attempt: sent.attempt,
                    outcome: Outcome::Accepted { provider_id: format!("wamid.out.{}", sent.part.0) },
                    request: "POST https://example.org/v21.0/1234567890/messages\n{\"messaging_product\":\"whatsapp\"}"
                        .into(),
                    answer: "200 {\"messages\":[{\"id\":\"wamid\"}]}".into(),
                }),
                Claimed::Skip => None,
            })
            .collect();
        let receipts: Vec<Event> = claimed
            .iter()
            .filter_map(|claimed| match claimed {
                Claimed::Send(sent) => Some(delivered(sent.part.0)),
                Claimed::Skip => None,
            })
            .collect();
        let directory = Arc::clone(&self.directory);
        self.store.write(Record { now, seed: first, results, directory }).await.expect("records");
        let items = receipts.into_iter().map(|event| self.item(first, now, event)).collect();
        self.apply(now, first + 1, items).await;
    }

    async fn apply(&self, now: Timestamp, seed: u64, items: Vec<ApplyItem>) -> Vec<dispatch::LaneHead> {
        let unit = Apply {
            now,
            seed: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            items,
            keys: KeySecret::new(&[1; 32]),
            directory: Arc::clone(&self.directory),
            rules: Arc::clone(&self.rules),
        };
        self.store.write(unit).await.expect("applied").after.heads
    }

    fn item(&self, record: u64, now: Timestamp, event: Event) -> ApplyItem {
        ApplyItem {
            record,
            index: 0,
            workspace: self.workspace,
            account: self.account,
            received_at: now,
            event,
            automation: true,
        }
    }
}

fn time(n: i64) -> Timestamp {
    Timestamp::from_secs(1_764_000_000) + Span::millis(n)
}

fn message(n: u64) -> Event {
    let id = format!("wamid.HBgLMzU5ODg4MTIzNDU2FQIAEhg{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let from = n.wrapping_mul(2_654_435_761) % CONTACTS;
    Event {
        key: id.clone(),
        at: None,
        peer: Some(Peer {
            addresses: vec![Address { kind: AddressKind::Phone, value: format!("+3598{from:08}") }],
            name: Some(format!("Customer {from}")),
            ..Peer::default()
        }),
        kind: EventKind::Message(InMessage {
            provider_id: id,
            content: Content::text(format!("Hello, how much are the blue shoes number {}?", n % 1_000)),
            ..InMessage::default()
        }),
    }
}

fn delivered(part: i64) -> Event {
    let id = format!("wamid.out.{part}");
    Event {
        key: format!("{id}:delivered"),
        at: None,
        peer: None,
        kind: EventKind::Receipt(Receipt {
            of: ReceiptOf::ProviderId(id),
            fact: Fact::Delivered,
            error: None,
            correlation: None,
        }),
    }
}

fn info(workspace: WorkspaceId, id: AccountId) -> AccountInfo {
    let rate = Rate { per_s: 1e6, burst: 1_000_000 };
    let caps = Capabilities {
        text: TextLimit { max: 4_096, unit: everthread_core::text::Unit::Chars },
        caption: None,
        buttons: ButtonLimit { max: 3, title_chars: 20, urls: true },
        media: Vec::new(),
        replies: true,
        reactions: true,
        templates: true,
        echoes: false,
        delivered_receipts: true,
        read_receipts: true,
        window: Some(Span::hours(24)),
        human_window: None,
        settle: Settle::ByCallback(Span::secs(60)),
        pacing: Pacing { account: rate, pair: rate },
    };
    AccountInfo {
        id,
        workspace,
        channel: "whatsapp".into(),
        network: "whatsapp".into(),
        name: "Shop".into(),
        external_id: None,
        addresses: vec![AddressKind::Phone],
        caps,
        sandbox: false,
        stopped: None,
        fate: Vec::new(),
        fault: None,
    }
}
