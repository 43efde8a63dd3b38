//! Runs a channel over its fixtures: `inbound` records, `outbound` parts, `responses` of the provider.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use everthread_core::account::{Secrets, Settings};
use everthread_core::content::{Content, Thread};
use everthread_core::event::Address;
use everthread_core::state::Class;
use serde::Deserialize;
use serde_json::Value;

use crate::{Account, Channel, Outbound, RawRecord, WireRequest, WireResponse, form};

/// Makes one test per fixture, and one that says that no fixture is without a line.
macro_rules! cases {
    ($channel:ident, $kind:ident: $($name:ident),+ $(,)?) => {
        mod $kind {
            $(#[test] fn $name() { crate::harness::check(&super::$channel, stringify!($kind), stringify!($name)); })+

            #[test]
            fn every_fixture_has_its_line() {
                let listed: &[&str] = &[$(stringify!($name)),+];
                assert_eq!(crate::harness::names(&super::$channel, stringify!($kind)), listed);
            }
        }
    };
}
pub(crate) use cases;

/// Marks secrets, so that they can be looked for.
pub(crate) const SECRET: &str = "S3CR3T";

/// The folder of a channel.
pub(crate) fn folder(channel: &dyn Channel) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(channel.spec().name)
}

fn files(channel: &dyn Channel, kind: &str) -> Vec<PathBuf> {
    let folder = folder(channel).join("fixtures").join(kind);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("fixtures").map(|e| e.expect("entry").path()).collect();
    files.sort();
    files
}

fn stem(path: &std::path::Path) -> String {
    path.file_stem().expect("name").to_string_lossy().into_owned()
}

/// Names of all fixtures of a kind, sorted.
pub(crate) fn names(channel: &dyn Channel, kind: &str) -> Vec<String> {
    files(channel, kind).iter().map(|path| stem(path)).collect()
}

fn text(channel: &dyn Channel, kind: &str, name: &str) -> (String, String) {
    let path = files(channel, kind).into_iter().find(|path| stem(path) == name);
    let path = path.unwrap_or_else(|| panic!("no fixture {kind}/{name}"));
    let extension = path.extension().expect("extension").to_string_lossy().into_owned();
    (std::fs::read_to_string(path).expect("fixture"), extension)
}

/// A record as the journal holds it.
pub(crate) struct Record {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: &'static str,
    pub(crate) query: String,
}

impl Record {
    pub(crate) fn raw(&self) -> RawRecord<'_> {
        RawRecord { body: &self.body, content_type: self.content_type, query: &self.query }
    }
}

/// What the record of an `.eml` fixture says of its place; a first line after a question mark replaces it.
const PLACE: &str =
    "address=shop%40example.com&authserv=mx.example.com&folder=INBOX&validity=7&uid=42&at=1795772000";

/// An `.eml` fixture as it came: with the line ends of mail, and bytes that need not be text.
fn mail(channel: &dyn Channel, name: &str) -> Option<Record> {
    let path = files(channel, "inbound").into_iter().find(|path| stem(path) == name)?;
    let bytes = std::fs::read(&path).ok().filter(|_| path.extension().is_some_and(|e| e == "eml"))?;
    let (query, bytes) = match bytes.strip_prefix(b"?") {
        Some(rest) => {
            let end = rest.iter().position(|b| *b == b'\n').expect("a line");
            (String::from_utf8(rest[..end].to_vec()).expect("text"), rest[end + 1..].to_vec())
        }
        None => (PLACE.to_owned(), bytes),
    };
    let body = bytes.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    Some(Record { body: body.collect::<Vec<_>>().join(&b"\r\n"[..]), content_type: "message/rfc822", query })
}

/// An inbound fixture; `.form` files hold one field per line, and the query after a question mark.
pub(crate) fn inbound(channel: &dyn Channel, name: &str) -> Record {
    if let Some(record) = mail(channel, name) {
        return record;
    }
    let (text, extension) = text(channel, "inbound", name);
    if extension != "form" {
        return Record { body: text.into_bytes(), content_type: "application/json", query: String::new() };
    }
    let query = text.lines().find_map(|line| line.strip_prefix('?')).unwrap_or_default().to_owned();
    let fields = text.lines().filter(|line| !line.starts_with('?')).filter_map(|line| line.split_once('='));
    Record {
        body: form::encode(fields).into_bytes(),
        content_type: "application/x-www-form-urlencoded",
        query,
    }
}

/// Settings and secrets of a made-up account.
pub(crate) fn account(channel: &dyn Channel) -> (Settings, Secrets) {
    type Pairs = &'static [(&'static str, &'static str)];
    let (settings, secrets): (Pairs, Pairs) = match channel.spec().name {
        "telegram" => (&[], &[("token", "123456:S3CR3T-bot-token"), ("secret_token", "S3CR3T-hook-token")]),
        "whatsapp" => (
            &[("phone_number_id", "106540352242922"), ("waba_id", "102290129340398")],
            &[("token", "S3CR3T-token"), ("app_secret", "S3CR3T-app"), ("verify_token", "S3CR3T-verify")],
        ),
        "instagram" => (
            &[("ig_id", "17841400008460056")],
            &[("token", "S3CR3T-token"), ("app_secret", "S3CR3T-app"), ("verify_token", "S3CR3T-verify")],
        ),
        "messenger" => (
            &[("page_id", "1777")],
            &[("token", "S3CR3T-token"), ("app_secret", "S3CR3T-app"), ("verify_token", "S3CR3T-verify")],
        ),
        "twilio" => (
            &[("account_sid", "AC00000000000000000000000000000001"), ("from", "+15550001111")],
            &[("auth_token", "S3CR3T-auth")],
        ),
        "email" => (
            &[
                ("smtp_url", "smtps://mail.example.com"),
                ("imap_url", "imaps://mail.example.com"),
                ("address", "shop@example.com"),
                ("from_name", "Acme Shop"),
            ],
            &[("password", "S3CR3T-password")],
        ),
        _ => (&[], &[("signing_key", "S3CR3T-0123456789012345678901234567")]),
    };
    let map =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    (Settings(map(settings)), Secrets(map(secrets)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    to: Address,
    content: Content,
    #[serde(default)]
    reply_to: Option<String>,
    #[serde(default)]
    reaction: Option<(String, Option<String>)>,
    #[serde(default)]
    human_tag: bool,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// Subject and provider ids of what was said before.
    #[serde(default)]
    thread: Option<(String, Vec<String>)>,
    /// The attachment's bytes, as text.
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    class: Option<Class>,
}

/// What an outbound fixture becomes.
pub(crate) fn outbound(
    channel: &dyn Channel,
    name: &str,
) -> Result<WireRequest, everthread_core::outcome::Reason> {
    let part: Part = serde_json::from_str(&text(channel, "outbound", name).0).expect("an outbound fixture");
    let (mut settings, secrets) = account(channel);
    settings.0.extend(part.settings.clone());
    let thread = part.thread.map(|(subject, ids)| Thread { subject: Some(subject), ids });
    let out = Outbound {
        correlation: "part_01",
        to: &part.to,
        content: Cow::Borrowed(&part.content),
        reply_to: part.reply_to.as_deref(),
        thread: thread.as_ref(),
        file: part.file.as_deref().map(str::as_bytes),
        reaction: part.reaction.as_ref().map(|(id, emoji)| (id.as_str(), emoji.as_deref())),
        class: part.class.unwrap_or(Class::Live),
        human_tag: part.human_tag,
    };
    channel.request(&out, &at(&settings, &secrets))
}

/// The account with our public address.
pub(crate) fn at<'a>(settings: &'a Settings, secrets: &'a Secrets) -> Account<'a> {
    Account { settings, secrets, public_url: "https://hub.example", webhook_path: "/hooks/x/k1" }
}

/// A response fixture: `HTTP <status>`, headers, an empty line, the body; or `NOT SENT` / `NO ANSWER`.
pub(crate) fn with_response<T>(text: &str, use_it: impl FnOnce(&WireResponse<'_>) -> T) -> T {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(error) = first.strip_prefix("NOT SENT ") {
        return use_it(&WireResponse::NotSent { error });
    }
    if let Some(error) = first.strip_prefix("NO ANSWER ") {
        return use_it(&WireResponse::NoAnswer { error });
    }
    let status = first.strip_prefix("HTTP ").expect("a status").trim().parse().expect("a number");
    let rest = format!("\n{rest}");
    let (head, body) = rest.split_once("\n\n").expect("an empty line");
    let headers: Vec<_> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    use_it(&WireResponse::Answer { status, headers: &headers, body: body.as_bytes() })
}

/// Reads a response fixture.
pub(crate) fn response(channel: &dyn Channel, name: &str) -> String {
    text(channel, "responses", name).0
}

/// A request as people may see it: secrets masked, JSON and forms laid out.
pub(crate) fn show(request: &WireRequest) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    let body = String::from_utf8(request.body.clone()).expect("text");
    match serde_json::from_str::<Value>(&body) {
        _ if request.method == "SEND" => text.push_str(&format!("\n{}", body.replace("\r\n", "\n"))),
        Ok(value) => text.push_str(&format!("\n{value:#}")),
        Err(_) => {
            for (name, value) in form::decode(body.as_bytes()) {
                text.push_str(&format!("\n{name}={value}"));
            }
        }
    }
    for secret in &request.secrets {
        text = text.replace(secret.as_str(), "***");
    }
    text
}

/// One fixture in, one snapshot out.
pub(crate) fn check(channel: &dyn Channel, kind: &str, name: &str) {
    let shown = match kind {
        "inbound" => {
            let parsed = channel.parse(&inbound(channel, name).raw());
            serde_json::to_string_pretty(&parsed).expect("json")
        }
        "outbound" => match outbound(channel, name) {
            Ok(request) => show(&request),
            Err(reason) => format!("refused: {} ({})", reason.text, reason.code),
        },
        _ => {
            let outcome = with_response(&response(channel, name), |answer| channel.classify(answer));
            serde_json::to_string_pretty(&outcome).expect("json")
        }
    };
    snapshot(channel, &format!("{kind}__{name}"), &shown);
}

/// Compares with `<channel>/snapshots/<name>.snap`.
pub(crate) fn snapshot(channel: &dyn Channel, name: &str, shown: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder(channel).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, shown));
}
