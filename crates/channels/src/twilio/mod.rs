//! SMS and MMS over a Twilio-compatible REST API (channel facts, section 6).

pub mod errors;
pub mod gsm;
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
use everthread_core::time::Span;

use crate::spec::{ButtonLimit, CatchUp, Field, Pacing, Rate, Settle, Spec, TextLimit, Transport};
use crate::table::{FALLBACK, Row};
use crate::wire::{HookRequest, Outbound, RawRecord, WireRequest, WireResponse};
use crate::{Account, Channel, MediaStep, Reject};

/// The channel as data.
pub static SPEC: Spec = Spec {
    name: "twilio",
    title: "SMS (Twilio)",
    network: "sms",
    fate: &["twilio", "carrier"],
    addresses: &[AddressKind::Phone],
    transport: Transport::Webhook,
    settings: &[
        Field { name: "account_sid", required: true, help: "begins with AC; on the console's first page" },
        Field {
            name: "from",
            required: true,
            help: "the number we send from, as +E.164, or a Messaging Service that begins with MG",
        },
        Field {
            name: "numbers",
            required: false,
            help: "numbers of the Messaging Service, separated by commas",
        },
        Field { name: "api_base", required: false, help: "address of a compatible vendor" },
        Field {
            name: "validity_s",
            required: false,
            help: "seconds Twilio may keep a message it cannot deliver; default 36000",
        },
    ],
    secrets: &[Field {
        name: "auth_token",
        required: true,
        help: "on the console's first page; checks webhook signatures and signs us in",
    }],
    text: TextLimit { max: 1_600, unit: Unit::Utf16 },
    caption: Some(TextLimit { max: 1_600, unit: Unit::Utf16 }),
    buttons: ButtonLimit { max: 0, title_chars: 0, urls: false },
    media: &[
        (AttachmentKind::Image, 5 * 1024 * 1024),
        (AttachmentKind::Video, 500 * 1024),
        (AttachmentKind::Audio, 500 * 1024),
        (AttachmentKind::Voice, 500 * 1024),
        (AttachmentKind::File, 500 * 1024),
    ],
    events: &["message", "receipt", "reachable"],
    replies: false,
    reactions: false,
    templates: false,
    delivered_receipts: true,
    read_receipts: false,
    echoes: false,
    window: None,
    human_window: None,
    settle: Settle::ByCallback(Span::secs(60)),
    pacing: Pacing { account: Rate { per_s: 1.0, burst: 1 }, pair: Rate { per_s: 1.0, burst: 1 } },
    hook_answer: (200, "text/xml", "<Response/>"),
    api_base: "https://api.twilio.com",
    catch_up: CatchUp::Nothing,
};

/// The Twilio adapter.
#[derive(Debug)]
pub struct Twilio;

impl Channel for Twilio {
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
        parse::parse(raw)
    }

    fn request(&self, out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
        send::request(out, account)
    }

    fn classify(&self, response: &WireResponse<'_>) -> Outcome {
        send::classify(response)
    }

    fn media(&self, source: &MediaSource, to: &Account<'_>, _: &[WireResponse<'_>]) -> Option<MediaStep> {
        media::step(source, to)
    }

    fn probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        let sid = account.settings.get("account_sid")?;
        Some(send::get(account, &format!("/2010-04-01/Accounts/{}.json", crate::form::escape(sid))))
    }

    fn external_id(&self, settings: &Settings) -> Option<String> {
        settings.get("from").map(str::to_owned)
    }

    fn external_ids(&self, settings: &Settings) -> Vec<String> {
        let numbers = settings.get("numbers").unwrap_or_default().split(',').map(str::trim);
        let all = settings.get("from").into_iter().chain(numbers.filter(|n| !n.is_empty()));
        all.map(str::to_owned).collect()
    }

    fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String> {
        verify::check(settings, secrets)
    }

    fn errors(&self) -> &'static [&'static [Row]] {
        TABLES
    }
}

/// All rows that apply, most particular first.
const TABLES: &[&[Row]] = &[errors::ROWS, FALLBACK];
