//! WhatsApp Cloud API (channel facts, sections 1 and 4).

pub mod errors;
mod media;
pub(crate) mod parse;
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

use crate::meta;
use crate::spec::{ButtonLimit, CatchUp, Field, Pacing, Rate, Settle, Spec, TextLimit, Transport};
use crate::table::Row;
use crate::wire::{HookRequest, Outbound, RawRecord, WireRequest, WireResponse};
use crate::{Account, Channel, MediaStep, Reject, Usage};

const MB: u64 = 1024 * 1024;

/// The channel as data.
pub static SPEC: Spec = Spec {
    name: "whatsapp",
    title: "WhatsApp",
    network: "whatsapp",
    fate: &["meta"],
    addresses: &[AddressKind::Phone, AddressKind::WhatsappUser],
    transport: Transport::Webhook,
    settings: &[
        Field {
            name: "phone_number_id",
            required: true,
            help: "id of the number (not the number), under WhatsApp, API setup",
        },
        Field {
            name: "waba_id",
            required: false,
            help: "id of the WhatsApp business account; needed to subscribe to its events",
        },
        Field { name: "api_base", required: false, help: "Graph API address with version" },
        Field {
            name: "list_button",
            required: false,
            help: "what opens a list of more than three choices; default `Choose`",
        },
    ],
    secrets: &[
        Field { name: "token", required: true, help: "system user token with whatsapp_business_messaging" },
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
    text: TextLimit { max: 4_096, unit: Unit::Chars },
    caption: Some(TextLimit { max: 1_024, unit: Unit::Chars }),
    buttons: ButtonLimit { max: 10, title_chars: 20, urls: false },
    media: &[
        (AttachmentKind::Image, 5 * MB),
        (AttachmentKind::Video, 16 * MB),
        (AttachmentKind::Audio, 16 * MB),
        (AttachmentKind::Voice, 16 * MB),
        (AttachmentKind::File, 100 * MB),
        (AttachmentKind::Sticker, 100 * 1024),
        (AttachmentKind::Location, 0),
    ],
    events: &[
        "message",
        "echo",
        "receipt",
        "edit",
        "delete",
        "reaction",
        "reachable",
        "address_changed",
        "notice",
    ],
    replies: true,
    reactions: true,
    templates: true,
    delivered_receipts: true,
    read_receipts: true,
    echoes: true,
    window: Some(Span::hours(24)),
    human_window: None,
    settle: Settle::ByCallback(Span::secs(60)),
    pacing: Pacing { account: Rate { per_s: 80.0, burst: 80 }, pair: Rate { per_s: 1.0 / 6.0, burst: 45 } },
    hook_answer: (200, "text/plain", ""),
    api_base: "https://graph.facebook.com/v25.0",
    catch_up: CatchUp::Nothing,
};

/// The WhatsApp adapter.
#[derive(Debug)]
pub struct Whatsapp;

impl Channel for Whatsapp {
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

    fn media(
        &self,
        source: &MediaSource,
        to: &Account<'_>,
        answers: &[WireResponse<'_>],
    ) -> Option<MediaStep> {
        media::step(source, to, answers)
    }

    fn probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        let number = account.settings.get("phone_number_id")?;
        Some(meta::answer::get(account, SPEC.api_base, &format!("{number}?fields=id,display_phone_number")))
    }

    fn external_id(&self, settings: &Settings) -> Option<String> {
        settings.get("phone_number_id").map(str::to_owned)
    }

    fn external_ids(&self, settings: &Settings) -> Vec<String> {
        ["phone_number_id", "waba_id"].iter().filter_map(|key| settings.get(key)).map(str::to_owned).collect()
    }

    fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String> {
        verify::check(settings, secrets)
    }

    fn errors(&self) -> &'static [&'static [Row]] {
        TABLES
    }

    fn connect(&self, account: &Account<'_>, webhook: bool) -> Vec<WireRequest> {
        let business = account.settings.get("waba_id").filter(|_| webhook);
        let path = business.map(|id| format!("{id}/subscribed_apps"));
        path.map(|path| meta::answer::post(account, SPEC.api_base, &path, Vec::new())).into_iter().collect()
    }

    fn usage(&self, response: &WireResponse<'_>) -> Option<Usage> {
        meta::answer::usage(response)
    }
}

/// All rows that apply, most particular first.
pub(crate) const TABLES: &[&[Row]] = &[errors::ROWS, meta::errors::ROWS, crate::table::FALLBACK];
