//! From a raw record to items on accounts. Pure but for the registry; panics of a parser are contained here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use everthread_channels::RawRecord;
use everthread_core::event::Event;
use everthread_core::limits::BATCH_ITEMS_MAX;
use everthread_store::journal::{Record, Source};

use crate::http::cut;
use crate::registry::{Account, Registry};

/// Raw text kept with a problem; the journal holds the whole.
const RAW_BYTES_MAX: usize = 16 * 1024;

/// What a record holds.
#[derive(Debug, Default)]
pub struct Opened {
    pub items: Vec<Routed>,
    pub problems: Vec<Problem>,
}

/// An item on its account; `index` is its place in the record.
#[derive(Debug)]
pub struct Routed {
    pub account: Arc<Account>,
    pub index: u32,
    pub event: Event,
}

/// A piece that nobody could use.
#[derive(Debug)]
pub struct Problem {
    pub account: Option<Arc<Account>>,
    pub channel: Option<&'static str>,
    pub index: u32,
    pub reason: String,
    pub raw: String,
}

/// Parses a record and finds the account of each item.
pub fn open(registry: &Registry, record: &Record) -> Opened {
    let mut opened = Opened::default();
    let Some(any) = registry.any_of(everthread_core::ids::EndpointId(record.endpoint)) else {
        opened.problems.push(whole(
            record,
            None,
            "its webhook address serves no account any more; connect one, then replay",
        ));
        return opened;
    };
    let raw = RawRecord { body: &record.body, content_type: &record.content_type, query: &record.query };
    let Ok(parsed) = catch_unwind(AssertUnwindSafe(|| any.channel.parse(&raw))) else {
        opened.problems.push(whole(
            record,
            Some(any),
            "the parser failed on it (a defect of ours); it is kept and can be replayed after an update",
        ));
        return opened;
    };
    for (index, problem) in parsed.problems.into_iter().take(BATCH_ITEMS_MAX).enumerate() {
        let account = route(registry, record, problem.account.as_deref(), &[]).ok().cloned();
        opened.problems.push(Problem {
            account,
            channel: Some(any.channel.spec().name),
            index: u32::MAX - index as u32,
            reason: problem.reason,
            raw: cut(&problem.raw, RAW_BYTES_MAX),
        });
    }
    let too_many = parsed.items.len() > BATCH_ITEMS_MAX;
    for (index, item) in parsed.items.into_iter().take(BATCH_ITEMS_MAX).enumerate() {
        let index = index as u32;
        match route(registry, record, item.account.as_deref(), &item.also) {
            Ok(account) => {
                opened.items.push(Routed { account: Arc::clone(account), index, event: item.event });
            }
            Err(unrouted) => opened.problems.push(Problem {
                account: None,
                channel: Some(any.channel.spec().name),
                index,
                reason: match &item.account {
                    Some(id) => format!("{unrouted} (id {id})"),
                    None => unrouted.to_string(),
                },
                raw: kept(&item.event),
            }),
        }
    }
    if too_many {
        opened.problems.push(whole(
            record,
            Some(any),
            "more items than any platform sends at once; the rest was left in the journal",
        ));
    }
    opened
}

/// What a problem keeps of an event that was understood and belongs to no account.
pub fn kept(event: &Event) -> String {
    cut(&serde_json::to_string(event).unwrap_or_default(), RAW_BYTES_MAX)
}

/// The problem that a whole record is.
pub fn whole(record: &Record, account: Option<&Arc<Account>>, reason: &str) -> Problem {
    Problem {
        account: account.cloned(),
        channel: account.map(|a| a.channel.spec().name),
        index: u32::MAX,
        reason: reason.to_owned(),
        raw: cut(&String::from_utf8_lossy(&record.body), RAW_BYTES_MAX),
    }
}

fn route<'r>(
    registry: &'r Registry,
    record: &Record,
    external: Option<&str>,
    also: &[String],
) -> Result<&'r Arc<Account>, crate::registry::Unrouted> {
    let endpoint = everthread_core::ids::EndpointId(record.endpoint);
    match record.source {
        // What we fetched or wrote ourselves needs no signature.
        Source::Poll | Source::Local | Source::Socket => {
            registry.any_of(endpoint).ok_or(crate::registry::Unrouted::Unknown)
        }
        Source::Webhook | Source::History => registry.route(endpoint, record.secret, external, also),
    }
}

#[cfg(test)]
mod tests {
    use everthread_channels::wire::{HookRequest, Outbound, WireRequest, WireResponse};
    use everthread_channels::{Account as View, Channel, MediaStep, Reject, Spec, find, table};
    use everthread_core::account::{Secrets, Settings};
    use everthread_core::content::MediaSource;
    use everthread_core::event::Parsed;
    use everthread_core::ids::{AccountId, EndpointId, Uid, UidSource, WorkspaceId};
    use everthread_core::outcome::{Outcome, Reason};
    use everthread_core::time::Timestamp;

    use super::*;

    /// Telegram with a parser that fails on one word.
    struct Fragile;

    fn telegram() -> &'static dyn Channel {
        find("telegram").expect("a channel")
    }

    impl Channel for Fragile {
        fn spec(&self) -> &'static Spec {
            telegram().spec()
        }
        fn verify(&self, request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject> {
            telegram().verify(request, secrets)
        }
        fn handshake(&self, request: &HookRequest<'_>, tokens: &[&str]) -> Option<Result<String, Reject>> {
            telegram().handshake(request, tokens)
        }
        fn parse(&self, raw: &RawRecord<'_>) -> Parsed {
            assert!(!raw.body.windows(4).any(|word| word == b"boom"), "a defect of this parser");
            telegram().parse(raw)
        }
        fn request(&self, out: &Outbound<'_>, account: &View<'_>) -> Result<WireRequest, Reason> {
            telegram().request(out, account)
        }
        fn classify(&self, response: &WireResponse<'_>) -> Outcome {
            telegram().classify(response)
        }
        fn media(
            &self,
            source: &MediaSource,
            account: &View<'_>,
            answers: &[WireResponse<'_>],
        ) -> Option<MediaStep> {
            telegram().media(source, account, answers)
        }
        fn probe(&self, account: &View<'_>) -> Option<WireRequest> {
            telegram().probe(account)
        }
        fn external_id(&self, settings: &Settings) -> Option<String> {
            telegram().external_id(settings)
        }
        fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String> {
            telegram().check(settings, secrets)
        }
        fn errors(&self) -> &'static [&'static [table::Row]] {
            telegram().errors()
        }
    }

    fn uid() -> Uid {
        UidSource::new(1).next(Timestamp::default())
    }

    fn record(number: u64, text: &str) -> Record {
        let update = serde_json::json!({ "update_id": number, "message": { "message_id": number, "date": 1_764_000_000,
            "chat": { "id": 7, "type": "private" }, "from": { "id": 7, "is_bot": false, "first_name": "Ana" }, "text": text } });
        Record {
            number,
            received_at: Timestamp::default(),
            endpoint: 1,
            secret: 0,
            source: Source::Poll,
            content_type: "application/json".into(),
            query: String::new(),
            body: update.to_string().into_bytes(),
        }
    }

    #[test]
    fn a_panic_while_parsing_keeps_the_record_and_nothing_else() {
        let account = Account {
            id: AccountId(1),
            uid: uid(),
            workspace: WorkspaceId(1),
            name: "bot".into(),
            channel: &Fragile,
            settings: Settings::default(),
            secrets: Secrets::default(),
            endpoint: EndpointId(1),
            fingerprint: 0,
            retired: Vec::new(),
            webhook_path: "/hooks/telegram/k".into(),
            sandbox: false,
            stopped: None,
        };
        let registry = Registry::build(vec![account]);
        let broken = open(&registry, &record(1, "boom"));
        assert_eq!((broken.items.len(), broken.problems.len()), (0, 1));
        assert!(
            broken.problems[0].raw.contains("boom") && broken.problems[0].reason.contains("can be replayed")
        );
        assert_eq!(broken.problems[0].account.as_ref().map(|a| a.id), Some(AccountId(1)), "people see it");
        let whole = open(&registry, &record(2, "hello"));
        assert_eq!((whole.items.len(), whole.problems.len()), (1, 0));
    }
}
