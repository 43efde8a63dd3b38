//! The conversations, messages and single messages that the Graph API hands out for Instagram and Messenger (channel facts, 2f and 3f),
//! and how they are told again as webhooks.

use everthread_core::outcome::{ErrorClass, Outcome, Reason};
use everthread_core::time::Timestamp;
use serde_json::{Value, json};

use crate::history::{Ask, Held, History, Listed, Thread, Told};
use crate::meta::answer;
use crate::table::Row;
use crate::wire::{WireRequest, WireResponse};
use crate::{Account, form, json as read};

/// Conversations in one page (channel facts, 2f).
const PAGE: u32 = 25;

/// The Graph API answers so for what was deleted, and for all but the newest 20 of a conversation (channel facts, 2e and 2f).
const DELETED: i64 = 9_000_001;

/// Conversations may be read so often (channel facts, 2d and 3d: 2/s); a quarter is left to probes and to finding out what became of a
/// send.
const PER_S: f64 = 1.5;

/// How one product is read back.
pub(crate) struct Reader {
    /// `object` of its webhooks.
    pub(crate) object: &'static str,
    /// `platform` of its conversations.
    pub(crate) platform: &'static str,
    /// The setting that holds our id in its webhooks.
    pub(crate) own: &'static str,
    /// Where its calls go, and the account's piece of the path.
    pub(crate) place: fn(&Account<'_>) -> (&'static str, String),
    pub(crate) tables: &'static [&'static [Row]],
}

impl History for Reader {
    fn per_s(&self) -> f64 {
        PER_S
    }

    fn request(&self, account: &Account<'_>, ask: &Ask<'_>) -> WireRequest {
        let (base, own) = (self.place)(account);
        let after =
            |after: Option<&str>| after.map_or_else(String::new, |a| format!("&after={}", form::escape(a)));
        let path = match *ask {
            Ask::Threads { after: cursor } => format!(
                "{own}/conversations?platform={}&fields=id,updated_time,participants&limit={PAGE}{}",
                self.platform,
                after(cursor)
            ),
            Ask::Messages { thread, after: None } => format!("{}?fields=messages", form::escape(thread)),
            Ask::Messages { thread, after: cursor } => {
                format!("{}/messages?fields=id,created_time{}", form::escape(thread), after(cursor))
            }
            Ask::Message { id } => {
                format!("{}?fields=id,created_time,from,to,message,reply_to,attachments", form::escape(id))
            }
        };
        answer::get(account, base, &path)
    }

    fn read(&self, account: &Account<'_>, ask: &Ask<'_>, response: &WireResponse<'_>) -> Told {
        let Some(body) = answered(response) else { return self.failed(response) };
        let ours = ours(account);
        match ask {
            Ask::Threads { .. } => threads(&body, &ours),
            Ask::Messages { .. } => messages(body.get("messages").unwrap_or(&body)),
            Ask::Message { .. } => match self.message(account, &body, &ours) {
                Some(held) => Told::Message(Box::new(held)),
                None => Told::Unreadable("the platform does not say who wrote it, or when".to_owned()),
            },
        }
    }

    fn webhook(&self, account: &Account<'_>, messages: &[Held]) -> Vec<u8> {
        let time = messages.last().map_or(0, |held| millis(held.at));
        let items: Vec<&Value> = messages.iter().map(|held| &held.item).collect();
        let entry = json!({"id": self.id(account), "time": time, "messaging": items});
        json!({"object": self.object, "entry": [entry]}).to_string().into_bytes()
    }
}

impl Reader {
    fn id<'a>(&self, account: &'a Account<'_>) -> &'a str {
        account.settings.get(self.own).unwrap_or_default()
    }

    /// A refusal that will be the same next time, or one that may pass.
    fn failed(&self, response: &WireResponse<'_>) -> Told {
        if let WireResponse::Answer { body, .. } = response
            && let Ok(value) = read::parse(body)
            && read::number(&value, "error.code") == Some(DELETED)
        {
            let why =
                "the platform says that it was deleted, or is not among the newest 20 of its conversation";
            return Told::Unreadable(why.to_owned());
        }
        match answer::classify(response, self.tables, |_| None) {
            Outcome::Refused { class, reason } if class != ErrorClass::Auth => Told::Unreadable(
                format!("the platform refuses: {} {}", reason.code, reason.text).trim().to_owned(),
            ),
            Outcome::Refused { reason, .. } | Outcome::Uncertain { reason } => {
                Told::Failed { reason, wait: None }
            }
            Outcome::NotExecuted { reason, wait, .. } => Told::Failed { reason, wait },
            Outcome::Accepted { .. } => {
                Told::Failed { reason: Reason::new("answer", "no answer to a read"), wait: None }
            }
        }
    }

    /// A message in the form of its webhook.
    fn message(&self, account: &Account<'_>, body: &Value, ours: &[&str]) -> Option<Held> {
        let (id, at) = (read::id(body, "id")?, time(body, "created_time")?);
        let from = read::id(body, "from.id")?;
        let by_us = ours.contains(&from.as_str());
        let customer = if by_us { other(read::list(body, "to.data"), ours).0? } else { from };
        let text = read::text(body, "message").unwrap_or_default().to_owned();
        let mut message = json!({"mid": id});
        if !text.is_empty() {
            message["text"] = json!(text);
        }
        let attachments: Vec<Value> = read::list(body, "attachments.data").iter().map(attachment).collect();
        if !attachments.is_empty() {
            message["attachments"] = json!(attachments);
        }
        if let Some(quoted) = read::id(body, "reply_to.mid").or_else(|| read::id(body, "reply_to.id")) {
            message["reply_to"] = json!({"mid": quoted});
        }
        let mut sender = json!({"id": customer});
        if by_us {
            message["is_echo"] = json!(true);
        } else if let Some(name) = read::text(body, "from.username") {
            sender["username"] = json!(name);
        }
        let us = json!({"id": self.id(account)});
        let (sender, recipient) = if by_us { (us, sender) } else { (sender, us) };
        let item =
            json!({"sender": sender, "recipient": recipient, "timestamp": millis(at), "message": message});
        Some(Held { id, at, ours: by_us, customer, text, item })
    }
}

/// Every id under which the API may name us: an account that is connected through a Page has two.
fn ours<'a>(account: &'a Account<'_>) -> Vec<&'a str> {
    ["ig_id", "page_id"].into_iter().filter_map(|name| account.settings.get(name)).collect()
}

/// The body of a success; an error may come with status 200.
fn answered(response: &WireResponse<'_>) -> Option<Value> {
    let WireResponse::Answer { status: 200..=299, body, .. } = response else { return None };
    read::parse(body).ok().filter(|value| value.get("error").is_none())
}

fn threads(body: &Value, ours: &[&str]) -> Told {
    let threads = read::list(body, "data").iter().filter_map(|thread| {
        let (customer, name) = other(read::list(thread, "participants.data"), ours);
        Some(Thread { id: read::id(thread, "id")?, updated_at: time(thread, "updated_time"), customer, name })
    });
    Told::Threads { threads: threads.collect(), next: next(body) }
}

fn messages(body: &Value) -> Told {
    let messages = read::list(body, "data").iter().filter_map(|message| {
        Some(Listed { id: read::id(message, "id")?, at: time(message, "created_time") })
    });
    Told::Messages { messages: messages.collect(), next: next(body) }
}

/// The one who is not us: address and name.
fn other(people: &[Value], ours: &[&str]) -> (Option<String>, Option<String>) {
    let found = people.iter().find(|one| read::id(one, "id").is_some_and(|id| !ours.contains(&id.as_str())));
    let name = |one: &Value| read::string(one, "username").or_else(|| read::string(one, "name"));
    (found.and_then(|one| read::id(one, "id")), found.and_then(name))
}

/// The cursor of the next page, where there is one.
fn next(body: &Value) -> Option<String> {
    read::at(body, "paging.next")?;
    read::string(body, "paging.cursors.after")
}

fn time(value: &Value, path: &str) -> Option<Timestamp> {
    read::text(value, path).and_then(Timestamp::parse_rfc3339).or_else(|| read::time(value, path))
}

const fn millis(at: Timestamp) -> i64 {
    at.micros() / 1_000
}

/// Files have other names here than in webhooks.
fn attachment(value: &Value) -> Value {
    let mime = read::text(value, "mime_type").unwrap_or_default();
    let url = |path: &str| read::text(value, path).map(str::to_owned);
    let (kind, url) = if let Some(url) = url("image_data.url") {
        ("image", Some(url))
    } else if let Some(url) = url("video_data.url") {
        ("video", Some(url))
    } else if mime.starts_with("audio/") {
        ("audio", url("file_url"))
    } else if let Some(url) = url("file_url") {
        ("file", Some(url))
    } else {
        ("share", url("link").or_else(|| url("share.link")))
    };
    json!({"type": kind, "payload": {"url": url}})
}

#[cfg(test)]
mod tests {
    use everthread_core::dedupe::Key;
    use everthread_core::event::EventKind;
    use everthread_core::ids::AccountId;

    use super::*;
    use crate::{CHANNELS, Channel, RawRecord, harness};

    fn channel(name: &str) -> (&'static dyn Channel, &'static dyn History) {
        let channel = *CHANNELS.iter().find(|c| c.spec().name == name).expect("a channel");
        (channel, channel.history().expect("it can be read back"))
    }

    fn ok(body: &Value) -> Vec<u8> {
        body.to_string().into_bytes()
    }

    fn told(name: &str, ask: &Ask<'_>, status: u16, body: &Value) -> Told {
        let (channel, history) = channel(name);
        let (settings, secrets) = harness::account(channel);
        let response = WireResponse::Answer { status, headers: &[], body: &ok(body) };
        history.read(&harness::at(&settings, &secrets), ask, &response)
    }

    fn paths(name: &str) -> Vec<String> {
        let (channel, history) = channel(name);
        let (settings, secrets) = harness::account(channel);
        let asks = [
            Ask::Threads { after: None },
            Ask::Threads { after: Some("c=1") },
            Ask::Messages { thread: "t 1", after: None },
            Ask::Messages { thread: "t1", after: Some("c2") },
            Ask::Message { id: "m1" },
        ];
        let account = harness::at(&settings, &secrets);
        asks.iter()
            .map(|ask| history.request(&account, ask))
            .map(|r| format!("{} {}", r.method, r.url))
            .collect()
    }

    #[test]
    fn the_calls_are_those_of_the_channel_facts() {
        assert_eq!(
            paths("instagram"),
            [
                "GET https://graph.instagram.com/v25.0/me/conversations?platform=instagram&fields=id,updated_time,participants&limit=25",
                "GET https://graph.instagram.com/v25.0/me/conversations?platform=instagram&fields=id,updated_time,participants&limit=25&after=c%3D1",
                "GET https://graph.instagram.com/v25.0/t%201?fields=messages",
                "GET https://graph.instagram.com/v25.0/t1/messages?fields=id,created_time&after=c2",
                "GET https://graph.instagram.com/v25.0/m1?fields=id,created_time,from,to,message,reply_to,attachments",
            ]
        );
        assert_eq!(
            paths("messenger")[0],
            "GET https://graph.facebook.com/v25.0/1777/conversations?platform=messenger&fields=id,updated_time,participants&limit=25"
        );
    }

    #[test]
    fn lists_are_read_with_their_cursor() {
        let us = "17841400008460056";
        let body = json!({"data": [{"id": "t1", "updated_time": "2026-11-27T10:02:00+0000",
            "participants": {"data": [{"id": us, "username": "acme"}, {"id": "5", "username": "ana"}]}}],
            "paging": {"cursors": {"before": "a", "after": "b"}, "next": "https://x"}});
        let at = Timestamp::parse_rfc3339("2026-11-27T10:02:00Z");
        let thread =
            Thread { id: "t1".into(), updated_at: at, customer: Some("5".into()), name: Some("ana".into()) };
        let asked = told("instagram", &Ask::Threads { after: None }, 200, &body);
        assert_eq!(asked, Told::Threads { threads: vec![thread], next: Some("b".into()) });
        let ask = Ask::Messages { thread: "t1", after: None };
        let list = json!({"data": [{"id": "m1", "created_time": "2026-11-27T10:02:00+0000"}],
            "paging": {"cursors": {"after": "b"}}});
        let messages = Told::Messages { messages: vec![Listed { id: "m1".into(), at }], next: None };
        assert_eq!(told("instagram", &ask, 200, &json!({"id": "t1", "messages": list})), messages);
        assert_eq!(told("instagram", &ask, 200, &list), messages);
    }

    #[test]
    fn what_can_not_be_read_is_told_from_what_may_pass() {
        let ask = Ask::Message { id: "m1" };
        let refusal = |code: i64| json!({"error": {"message": "no", "code": code}});
        for (status, code, passes) in
            [(400, DELETED, false), (429, 613, true), (500, 2, true), (401, 190, true)]
        {
            let told = told("instagram", &ask, status, &refusal(code));
            assert_eq!(matches!(told, Told::Failed { .. }), passes, "{code}: {told:?}");
        }
        let half = json!({"id": "m1", "created_time": "2026-11-27T10:02:00+0000"});
        assert!(matches!(told("instagram", &ask, 200, &half), Told::Unreadable(_)));
    }

    /// The keys under which history's messages are known are those of the webhook: these stand in users' databases.
    #[test]
    fn keys_are_those_of_the_webhook() {
        for (name, us, fixture, echo) in
            [("instagram", "17841400008460056", "text", "echo"), ("messenger", "1777", "text", "echo")]
        {
            let (channel, history) = channel(name);
            let (settings, secrets) = harness::account(channel);
            let account = harness::at(&settings, &secrets);
            for fixture in [fixture, echo, "image"] {
                let hook = channel.parse(&harness::inbound(channel, fixture).raw()).items.remove(0);
                let content = match &hook.event.kind {
                    EventKind::Message(message) => &message.content,
                    EventKind::Echo(echo) => &echo.content,
                    other => panic!("{other:?}"),
                };
                let customer = hook.event.peer.as_ref().expect("a customer").addresses[0].value.clone();
                let at = hook.event.at.expect("a time");
                let (from, to) = match hook.event.kind {
                    EventKind::Echo(_) => (us.to_owned(), customer),
                    _ => (customer, us.to_owned()),
                };
                let files: Vec<Value> = content
                    .attachments
                    .iter()
                    .map(|_| json!({"image_data": {"url": "https://x/y.jpg"}}))
                    .collect();
                let body = json!({"id": hook.event.key, "from": {"id": from}, "to": {"data": [{"id": to}]},
                    "created_time": at.rfc3339(), "message": content.text, "attachments": {"data": files}});
                let response = WireResponse::Answer { status: 200, headers: &[], body: &ok(&body) };
                let Told::Message(held) = history.read(&account, &Ask::Message { id: "m" }, &response) else {
                    panic!("not read")
                };
                let webhook = history.webhook(&account, &[*held]);
                let raw = RawRecord { body: &webhook, content_type: "application/json", query: "" };
                let parsed = channel.parse(&raw);
                assert_eq!((parsed.items.len(), parsed.problems.len()), (1, 0), "{name} {fixture}");
                let again = &parsed.items[0];
                assert_eq!(again.account.as_deref(), Some(us));
                assert_eq!(
                    again.event.peer.as_ref().map(|p| &p.addresses),
                    hook.event.peer.as_ref().map(|p| &p.addresses)
                );
                let key = |event| Key::new(AccountId(7), event).text;
                assert_eq!(key(&again.event), key(&hook.event), "{name} {fixture}");
                assert_eq!(again.event.at.map(|at| at.micros() / 1_000), Some(at.micros() / 1_000));
            }
        }
    }
}
