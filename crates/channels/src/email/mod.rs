//! E-mail: SMTP submission out, IMAP in (channel facts, section 8).
//!
//! A raw record is one mail as it lay in the mailbox; the record's query tells where it lay and what the operator
//! said of the mailbox ([`facts`]).

mod connect;
pub mod errors;
mod media;
mod mime;
mod parse;
mod send;
#[cfg(test)]
mod tests;
mod verify;

use everthread_core::account::{Secrets, Settings};
use everthread_core::content::{AttachmentKind, MediaSource};
use everthread_core::event::{AddressKind, Parsed};
use everthread_core::outcome::{Outcome, Reason};
use everthread_core::text::Unit;

use crate::spec::{ButtonLimit, CatchUp, Field, Pacing, Rate, Settle, Spec, TextLimit, Transport};
use crate::table::Row;
use crate::wire::{HookRequest, Outbound, RawRecord, WireRequest, WireResponse};
use crate::{Account, Channel, MediaStep, Reject};

pub use connect::{Place, Server, Tls, facts, folders, since, watch};

/// Bytes of one file: base64 makes 25 MB of it, where most providers stop (channel facts, 8b).
const FILE_BYTES_MAX: u64 = 18 * 1024 * 1024;

/// The channel as data.
pub static SPEC: Spec = Spec {
    name: "email",
    title: "E-mail",
    network: "email",
    fate: &["mail"],
    addresses: &[AddressKind::Email],
    transport: Transport::Mailbox,
    settings: &[
        Field {
            name: "smtp_url",
            required: true,
            help: "where mail goes out: `smtps://host:465`, or `smtp://host:587` (STARTTLS is then required); `?tls=none` only on this machine",
        },
        Field {
            name: "imap_url",
            required: true,
            help: "where mail comes in: `imaps://host:993`, or `imap://host:143` (STARTTLS is then required); `?tls=none` only on this machine",
        },
        Field { name: "address", required: true, help: "our address, e.g. `shop@example.com`" },
        Field { name: "from_name", required: false, help: "the name beside our address" },
        Field { name: "user", required: false, help: "name to log in with; without it the address" },
        Field {
            name: "smtp_user",
            required: false,
            help: "name to log in with at the SMTP server, where it is another one",
        },
        Field { name: "folder", required: false, help: "folder that is read; without it `INBOX`" },
        Field {
            name: "sent_folder",
            required: false,
            help: "folder of sent mail, e.g. `Sent`: what people send from a mail program shows in the thread too",
        },
        Field {
            name: "since",
            required: false,
            help: "take in mail since this day (`2026-01-31`) when the account is new; without it from now on",
        },
        Field {
            name: "authserv_id",
            required: false,
            help: "first word of our provider's `Authentication-Results` headers, e.g. `mx.google.com`; with it a sender that passes DMARC counts as verified",
        },
    ],
    secrets: &[
        Field { name: "password", required: true, help: "the mailbox's password, or an app password" },
        Field {
            name: "smtp_password",
            required: false,
            help: "password at the SMTP server, where it is another one",
        },
    ],
    text: TextLimit { max: 50_000, unit: Unit::Chars },
    caption: Some(TextLimit { max: 50_000, unit: Unit::Chars }),
    buttons: ButtonLimit { max: 0, title_chars: 80, urls: false },
    media: &[
        (AttachmentKind::Image, FILE_BYTES_MAX),
        (AttachmentKind::Video, FILE_BYTES_MAX),
        (AttachmentKind::Audio, FILE_BYTES_MAX),
        (AttachmentKind::Voice, FILE_BYTES_MAX),
        (AttachmentKind::File, FILE_BYTES_MAX),
    ],
    events: &["message", "echo", "receipt", "reachable", "notice"],
    replies: true,
    reactions: false,
    templates: false,
    delivered_receipts: false,
    read_receipts: false,
    echoes: false,
    window: None,
    human_window: None,
    // A mail is sent again under the same Message-ID (channel facts, 8b); many mailboxes show such a pair once.
    settle: Settle::Idempotent,
    pacing: Pacing { account: Rate { per_s: 0.5, burst: 20 }, pair: Rate { per_s: 0.2, burst: 3 } },
    hook_answer: (404, "text/plain", ""),
    api_base: "",
    catch_up: CatchUp::Kept,
};

/// The e-mail adapter.
#[derive(Debug)]
pub struct Email;

impl Channel for Email {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn verify(&self, _request: &HookRequest<'_>, _secrets: &[Secrets]) -> Result<usize, Reject> {
        Err(Reject::Mismatch)
    }

    fn handshake(&self, _request: &HookRequest<'_>, _tokens: &[&str]) -> Option<Result<String, Reject>> {
        None
    }

    fn parse(&self, raw: &RawRecord<'_>) -> Parsed {
        parse::parse(raw)
    }

    fn request(&self, out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
        send::request(out, account)
    }

    fn classify(&self, response: &WireResponse<'_>) -> Outcome {
        send::classify(response)
    }

    fn media(
        &self,
        source: &MediaSource,
        to: &Account<'_>,
        answers: &[WireResponse<'_>],
    ) -> Option<MediaStep> {
        Some(media::step(source, to, answers))
    }

    fn probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        Some(connect::knock(account))
    }

    /// The folder that is watched. Its mail comes over a standing connection: there is no cursor to send.
    fn poll(&self, account: &Account<'_>, _cursor: Option<&str>) -> Option<WireRequest> {
        folders(account.settings).first().map(|folder| watch(account, folder))
    }

    fn external_id(&self, _settings: &Settings) -> Option<String> {
        None
    }

    fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String> {
        verify::check(settings, secrets)
    }

    fn errors(&self) -> &'static [&'static [Row]] {
        TABLES
    }
}

/// All rows that apply. The HTTP statuses of the shared table mean something else here.
const TABLES: &[&[Row]] = &[errors::ROWS];

/// A mailbox's address as identities keep it, in lower case. `None` where the text is no plain address.
fn normal(address: &str) -> Option<String> {
    let address = address.trim().to_lowercase();
    let (local, domain) = address.rsplit_once('@')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;:\"()[]\\".contains(c);
    let good = !local.is_empty() && !domain.is_empty() && address.len() <= 254 && address.chars().all(plain);
    good.then_some(address)
}

/// The domain of an address.
fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Our token inside a Message-ID that we made for this domain.
fn correlation<'a>(id: &'a str, our_address: &str) -> Option<&'a str> {
    let (local, host) = id.rsplit_once('@')?;
    let ours = local.starts_with("part_") && host.eq_ignore_ascii_case(domain(our_address));
    ours.then_some(local)
}
