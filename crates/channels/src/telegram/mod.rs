//! Telegram: a bot, by webhook or by long poll (channel facts, section 5).

pub mod errors;
mod media;
mod parse;
mod send;
#[cfg(test)]
mod tests;
mod verify;

use everthread_core::account::{Secrets, Settings};
use everthread_core::content::{AttachmentKind, MediaSource};
use everthread_core::event::{AddressKind, Event, Parsed};
use everthread_core::outcome::{Outcome, Reason};
use everthread_core::text::Unit;
use everthread_core::time::Span;

use crate::spec::{ButtonLimit, CatchUp, Field, Pacing, Rate, Settle, Spec, TextLimit, Transport};
use crate::table::{FALLBACK, Row};
use crate::wire::{HookRequest, Outbound, RawRecord, WireRequest, WireResponse};
use crate::{Account, Channel, MediaStep, Polled, Reject};

const MB: u64 = 1024 * 1024;

/// The channel as data.
pub static SPEC: Spec = Spec {
    name: "telegram",
    title: "Telegram",
    network: "telegram",
    fate: &["telegram"],
    addresses: &[AddressKind::Telegram],
    transport: Transport::WebhookOrPoll,
    settings: &[
        Field { name: "api_base", required: false, help: "address of a self-hosted Bot API server" },
        Field { name: "link_preview", required: false, help: "`off` sends links without a preview" },
    ],
    secrets: &[
        Field { name: "token", required: true, help: "the bot's token, from @BotFather" },
        Field {
            name: "secret_token",
            required: false,
            help: "1 to 256 of A-Z a-z 0-9 _ -; proves that a webhook comes from Telegram. Needed with a public address",
        },
    ],
    text: TextLimit { max: 4_096, unit: Unit::Utf16 },
    caption: Some(TextLimit { max: 1_024, unit: Unit::Utf16 }),
    buttons: ButtonLimit { max: 20, title_chars: 64, urls: true },
    media: &[
        (AttachmentKind::Image, 5 * MB),
        (AttachmentKind::Video, 20 * MB),
        (AttachmentKind::Audio, 20 * MB),
        (AttachmentKind::Voice, 20 * MB),
        (AttachmentKind::File, 20 * MB),
        (AttachmentKind::Sticker, MB / 2),
        (AttachmentKind::Location, 0),
    ],
    events: &["message", "edit", "reaction", "reachable", "notice"],
    replies: true,
    reactions: true,
    templates: false,
    delivered_receipts: false,
    read_receipts: false,
    echoes: false,
    window: None,
    human_window: None,
    settle: Settle::Never,
    pacing: Pacing { account: Rate { per_s: 30.0, burst: 30 }, pair: Rate { per_s: 1.0, burst: 3 } },
    hook_answer: (200, "application/json", "{}"),
    api_base: "https://api.telegram.org",
    catch_up: CatchUp::Queue(Span::hours(24)),
};

/// The Telegram adapter.
#[derive(Debug)]
pub struct Telegram;

impl Channel for Telegram {
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
        media::step(source, to, answers)
    }

    fn probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        Some(send::call(account, "getMe", &serde_json::json!({})))
    }

    fn external_id(&self, _settings: &Settings) -> Option<String> {
        None
    }

    fn check(&self, _settings: &Settings, secrets: &Secrets) -> Vec<String> {
        verify::check(secrets)
    }

    fn errors(&self) -> &'static [&'static [Row]] {
        TABLES
    }

    fn poll(&self, account: &Account<'_>, cursor: Option<&str>) -> Option<WireRequest> {
        Some(send::poll(account, cursor))
    }

    fn polled(&self, response: &WireResponse<'_>) -> Polled {
        send::polled(response)
    }

    fn connect(&self, account: &Account<'_>, webhook: bool) -> Vec<WireRequest> {
        vec![send::connect(account, webhook)]
    }

    fn acknowledge(&self, event: &Event, account: &Account<'_>) -> Option<WireRequest> {
        send::acknowledge(event, account)
    }
}

/// All rows that apply, most particular first.
const TABLES: &[&[Row]] = &[errors::ROWS, FALLBACK];
