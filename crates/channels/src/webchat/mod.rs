//! Web chat: our own channel. Both ways run inside this program; the payloads are ours (channel facts, 15).

pub mod errors;
mod media;
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
use crate::table::{FALLBACK, Row};
use crate::wire::{HookRequest, Outbound, RawRecord, WireRequest, WireResponse};
use crate::{Account, Channel, MediaStep, Reject};

pub use verify::{issue, visitor};

/// The channel as data.
pub static SPEC: Spec = Spec {
    name: "webchat",
    title: "Web chat",
    network: "webchat",
    fate: &["self"],
    addresses: &[AddressKind::Webchat],
    transport: Transport::Local,
    settings: &[
        Field { name: "title", required: false, help: "headline of the chat window" },
        Field { name: "greeting", required: false, help: "first line a new visitor reads" },
        Field {
            name: "origins",
            required: false,
            help: "sites that may embed it, separated by spaces; none: any",
        },
    ],
    secrets: &[Field {
        name: "signing_key",
        required: true,
        help: "signs visitors' tokens; made by the hub when the account is added",
    }],
    text: TextLimit { max: 8_000, unit: Unit::Chars },
    caption: Some(TextLimit { max: 8_000, unit: Unit::Chars }),
    buttons: ButtonLimit { max: 20, title_chars: 80, urls: true },
    media: &[
        (AttachmentKind::Image, 25 * 1024 * 1024),
        (AttachmentKind::Video, 25 * 1024 * 1024),
        (AttachmentKind::Audio, 25 * 1024 * 1024),
        (AttachmentKind::Voice, 25 * 1024 * 1024),
        (AttachmentKind::File, 25 * 1024 * 1024),
    ],
    events: &["message", "receipt", "notice"],
    replies: true,
    reactions: false,
    templates: false,
    delivered_receipts: true,
    read_receipts: true,
    echoes: false,
    window: None,
    human_window: None,
    settle: Settle::Idempotent,
    pacing: Pacing { account: Rate { per_s: 1_000.0, burst: 1_000 }, pair: Rate { per_s: 20.0, burst: 20 } },
    hook_answer: (202, "application/json", "{}"),
    api_base: "",
    catch_up: CatchUp::Kept,
};

/// The web chat adapter.
#[derive(Debug)]
pub struct Webchat;

impl Channel for Webchat {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn verify(&self, request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject> {
        verify::verify(request, secrets)
    }

    fn handshake(&self, _request: &HookRequest<'_>, _tokens: &[&str]) -> Option<Result<String, Reject>> {
        None
    }

    fn parse(&self, raw: &RawRecord<'_>) -> Parsed {
        parse::parse(raw.body)
    }

    fn request(&self, out: &Outbound<'_>, _account: &Account<'_>) -> Result<WireRequest, Reason> {
        send::request(out)
    }

    fn classify(&self, response: &WireResponse<'_>) -> Outcome {
        send::classify(response)
    }

    fn media(&self, source: &MediaSource, _: &Account<'_>, _: &[WireResponse<'_>]) -> Option<MediaStep> {
        media::step(source)
    }

    fn probe(&self, _account: &Account<'_>) -> Option<WireRequest> {
        None
    }

    fn external_id(&self, _settings: &Settings) -> Option<String> {
        None
    }

    fn check(&self, _settings: &Settings, secrets: &Secrets) -> Vec<String> {
        match secrets.get("signing_key").map(str::len) {
            Some(0..32) => vec!["signing_key must have at least 32 characters".to_owned()],
            Some(_) => Vec::new(),
            None => vec!["signing_key is missing: at least 32 random characters".to_owned()],
        }
    }

    fn errors(&self) -> &'static [&'static [Row]] {
        const TABLES: &[&[Row]] = &[errors::ROWS, FALLBACK];
        TABLES
    }
}
