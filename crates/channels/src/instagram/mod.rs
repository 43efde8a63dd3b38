//! Instagram direct messages, by Instagram Login or through a Facebook Page (channel facts, sections 1 and 2).

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
    name: "instagram",
    title: "Instagram",
    network: "instagram",
    fate: &["meta"],
    addresses: &[AddressKind::Instagram],
    transport: Transport::Webhook,
    settings: &[
        Field { name: "ig_id", required: true, help: "id of the Instagram professional account" },
        Field {
            name: "page_id",
            required: false,
            help: "id of the linked Facebook Page, where the account is connected through one",
        },
        Field {
            name: "api_base",
            required: false,
            help: "Graph API address with version; graph.facebook.com where page_id is set",
        },
        Field {
            name: "human_agent",
            required: false,
            help: "`on` once Meta has approved the Human Agent feature: people may answer for seven days",
        },
    ],
    secrets: &[
        Field {
            name: "token",
            required: true,
            help: "Instagram user token or Page token with permission to manage messages",
        },
        Field {
            name: "app_secret",
            required: true,
            help: "under App settings, Basic; checks webhook signatures",
        },
        Field {
            name: "instagram_app_secret",
            required: false,
            help: "under Instagram, API setup; some apps' webhooks are signed with it",
        },
        Field {
            name: "verify_token",
            required: true,
            help: "any text; entered again where the webhook is saved",
        },
    ],
    text: TextLimit { max: 1_000, unit: Unit::Bytes },
    caption: None,
    buttons: ButtonLimit { max: 13, title_chars: 20, urls: false },
    media: &[
        (AttachmentKind::Image, 8 * MB),
        (AttachmentKind::Video, 25 * MB),
        (AttachmentKind::Audio, 25 * MB),
        (AttachmentKind::Voice, 25 * MB),
        (AttachmentKind::File, 25 * MB),
    ],
    events: &["message", "echo", "receipt", "edit", "delete", "reaction", "notice"],
    replies: false,
    reactions: true,
    templates: false,
    delivered_receipts: false,
    read_receipts: true,
    echoes: true,
    window: Some(Span::hours(24)),
    human_window: Some(Span::hours(7 * 24)),
    settle: Settle::ByCallback(Span::secs(120)),
    pacing: Pacing { account: Rate { per_s: 100.0, burst: 100 }, pair: Rate { per_s: 1.0, burst: 10 } },
    hook_answer: (200, "text/plain", ""),
    api_base: "https://graph.instagram.com/v25.0",
    catch_up: CatchUp::History,
};

/// The Instagram adapter.
#[derive(Debug)]
pub struct Instagram;

impl Channel for Instagram {
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
        Some(meta::answer::get(account, send::default_base(account), "me?fields=id"))
    }

    fn messaging_probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        let path = "me/conversations?platform=instagram&fields=id&limit=1";
        Some(meta::answer::get(account, send::default_base(account), path))
    }

    fn external_id(&self, settings: &Settings) -> Option<String> {
        settings.get("ig_id").map(str::to_owned)
    }

    fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String> {
        verify::check(settings, secrets)
    }

    fn errors(&self) -> &'static [&'static [Row]] {
        TABLES
    }

    fn connect(&self, account: &Account<'_>, webhook: bool) -> Vec<WireRequest> {
        if webhook { vec![send::subscribe(account)] } else { Vec::new() }
    }

    fn history(&self) -> Option<&'static dyn History> {
        Some(&HISTORY)
    }

    fn usage(&self, response: &WireResponse<'_>) -> Option<Usage> {
        meta::answer::usage(response)
    }
}

/// All rows that apply, most particular first.
pub(crate) const TABLES: &[&[Row]] =
    &[errors::ROWS, meta::messaging::errors::ROWS, meta::errors::ROWS, crate::table::FALLBACK];

/// How conversations are read back.
static HISTORY: meta::messaging::history::Reader = meta::messaging::history::Reader {
    object: "instagram",
    platform: "instagram",
    own: "ig_id",
    place: |account| (send::default_base(account), "me".to_owned()),
    tables: TABLES,
};
