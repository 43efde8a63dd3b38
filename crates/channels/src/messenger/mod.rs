//! Facebook Messenger: a Page's conversations (channel facts, sections 1 and 3).

pub mod errors;
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

pub(crate) use self::parse::PRODUCT;
use crate::history::History;
use crate::meta;
use crate::spec::{ButtonLimit, CatchUp, Field, Pacing, Rate, Settle, Spec, TextLimit, Transport};
use crate::table::Row;
use crate::wire::{HookRequest, Outbound, RawRecord, WireRequest, WireResponse};
use crate::{Account, Channel, MediaStep, Reject, Usage};

const MB: u64 = 1024 * 1024;

/// The channel as data.
pub static SPEC: Spec = Spec {
    name: "messenger",
    title: "Messenger",
    network: "messenger",
    fate: &["meta"],
    addresses: &[AddressKind::Messenger],
    transport: Transport::Webhook,
    settings: &[
        Field { name: "page_id", required: true, help: "id of the Facebook Page" },
        Field { name: "api_base", required: false, help: "Graph API address with version" },
        Field {
            name: "human_agent",
            required: false,
            help: "`on` once Meta has approved the Human Agent feature: people may answer for seven days",
        },
    ],
    secrets: &[
        Field { name: "token", required: true, help: "Page token with permission to manage messages" },
        Field {
            name: "app_secret",
            required: true,
            help: "under App settings, Basic; checks webhook signatures",
        },
        Field {
            name: "verify_token",
            required: true,
            help: "any text; entered again where the webhook is saved",
        },
    ],
    text: TextLimit { max: 2_000, unit: Unit::Utf16 },
    caption: None,
    buttons: ButtonLimit { max: 13, title_chars: 20, urls: false },
    media: &[
        (AttachmentKind::Image, 25 * MB),
        (AttachmentKind::Video, 25 * MB),
        (AttachmentKind::Audio, 25 * MB),
        (AttachmentKind::Voice, 25 * MB),
        (AttachmentKind::File, 25 * MB),
    ],
    events: &["message", "echo", "receipt", "edit", "delete", "reaction", "notice"],
    replies: false,
    reactions: false,
    templates: false,
    delivered_receipts: true,
    read_receipts: true,
    echoes: true,
    window: Some(Span::hours(24)),
    human_window: Some(Span::hours(7 * 24)),
    settle: Settle::ByCallback(Span::secs(120)),
    // Calls may come faster, but above 40 messages per second the Page's own inbox stops working (3d).
    pacing: Pacing { account: Rate { per_s: 40.0, burst: 40 }, pair: Rate { per_s: 1.0, burst: 10 } },
    hook_answer: (200, "text/plain", ""),
    api_base: meta::PAGE_API_BASE,
    catch_up: CatchUp::History,
};

/// The Messenger adapter.
#[derive(Debug)]
pub struct Messenger;

impl Channel for Messenger {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn verify(&self, request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject> {
        meta::verify::verify(request, secrets)
    }

    fn handshake(&self, request: &HookRequest<'_>, tokens: &[&str]) -> Option<Result<String, Reject>> {
        meta::verify::handshake(request, tokens)
    }

    fn parse(&self, raw: &RawRecord<'_>) -> Parsed {
        meta::envelope::parse(raw.body)
    }

    fn request(&self, out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
        send::request(out, account)
    }

    fn classify(&self, response: &WireResponse<'_>) -> Outcome {
        meta::answer::classify(response, TABLES, send::accepted_id)
    }

    fn media(&self, source: &MediaSource, _: &Account<'_>, _: &[WireResponse<'_>]) -> Option<MediaStep> {
        meta::messaging::media::step(source)
    }

    fn probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        Some(meta::answer::get(account, SPEC.api_base, "me?fields=id"))
    }

    fn messaging_probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        let page = send::page(account).ok()?;
        let path = format!("{page}/conversations?platform=messenger&fields=id&limit=1");
        Some(meta::answer::get(account, SPEC.api_base, &path))
    }

    fn external_id(&self, settings: &Settings) -> Option<String> {
        settings.get("page_id").map(str::to_owned)
    }

    fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String> {
        verify::check(settings, secrets)
    }

    fn errors(&self) -> &'static [&'static [Row]] {
        TABLES
    }

    fn connect(&self, account: &Account<'_>, webhook: bool) -> Vec<WireRequest> {
        if webhook { send::subscribe(account).into_iter().collect() } else { Vec::new() }
    }

    fn history(&self) -> Option<&'static dyn History> {
        Some(&HISTORY)
    }

    fn usage(&self, response: &WireResponse<'_>) -> Option<Usage> {
        meta::answer::usage(response)
    }
}

/// All rows that apply, most particular first.
const TABLES: &[&[Row]] =
    &[errors::ROWS, meta::messaging::errors::ROWS, meta::errors::ROWS, crate::table::FALLBACK];

/// How conversations are read back.
static HISTORY: meta::messaging::history::Reader = meta::messaging::history::Reader {
    object: "page",
    platform: "messenger",
    own: "page_id",
    place: |account| (SPEC.api_base, send::page(account).unwrap_or_else(|_| "me".to_owned())),
    tables: TABLES,
};
