//! A channel as data. Numbers drift: each can be overridden per account by an operator (`--set`).

use everthread_core::event::AddressKind;
use everthread_core::time::Span;

pub use everthread_core::fit::{ButtonLimit, Capabilities, TextLimit};
pub use everthread_core::outbox::Settle;
pub use everthread_core::pacing::{Pacing, Rate};

/// All that core, API and console need to know of a channel.
#[derive(Debug)]
pub struct Spec {
    /// The channel's word, e.g. `whatsapp`; also the path segment under `/hooks/`.
    pub name: &'static str,
    /// What people call it, e.g. `WhatsApp`.
    pub title: &'static str,
    /// The kind of network it reaches; two channels may share one (`sms`).
    pub network: &'static str,
    /// What can fail together (channel facts, 0.6), e.g. `meta`.
    pub fate: &'static [&'static str],
    /// Addresses it can send to, best first.
    pub addresses: &'static [AddressKind],
    pub transport: Transport,
    /// Names of settings and secrets, for `account add` and the docs.
    pub settings: &'static [Field],
    pub secrets: &'static [Field],
    pub text: TextLimit,
    /// Text beside a file; `None`: text and file travel as two parts.
    pub caption: Option<TextLimit>,
    pub buttons: ButtonLimit,
    /// Kinds of file it can carry out, with the provider's byte limit.
    pub media: &'static [(everthread_core::content::AttachmentKind, u64)],
    /// Kinds of event it sends, by their stable words (`EventKind::word`).
    pub events: &'static [&'static str],
    pub replies: bool,
    pub reactions: bool,
    pub templates: bool,
    /// Receipts it sends.
    pub delivered_receipts: bool,
    pub read_receipts: bool,
    /// True where our own sends come back as events.
    pub echoes: bool,
    /// Reply window after the customer's last message; `None`: no window.
    pub window: Option<Span>,
    /// Longer window for text typed by a person (Meta's human-agent tag), where switched on.
    pub human_window: Option<Span>,
    pub settle: Settle,
    pub pacing: Pacing,
    /// Answer to an accepted webhook: status, content type, body.
    pub hook_answer: (u16, &'static str, &'static str),
    /// The default of `--set api_base`.
    pub api_base: &'static str,
    pub catch_up: CatchUp,
}

impl Spec {
    /// What the rest of the hub needs to know of the channel, before an operator's overrides.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            text: self.text,
            caption: self.caption,
            buttons: self.buttons,
            media: self.media.to_vec(),
            replies: self.replies,
            reactions: self.reactions,
            templates: self.templates,
            echoes: self.echoes,
            delivered_receipts: self.delivered_receipts,
            read_receipts: self.read_receipts,
            window: self.window,
            human_window: self.human_window,
            settle: self.settle,
            pacing: self.pacing,
        }
    }
}

/// How we come to what a customer wrote while nothing came in (channel facts, 0.2 and 0.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// The platform is read back ([`crate::Channel::history`]).
    History,
    /// It lies there until we fetch it.
    Kept,
    /// The platform keeps it for so long and tells it then.
    Queue(Span),
    /// Not at all.
    Nothing,
}

/// How events come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The provider posts to `/hooks/...`.
    Webhook,
    /// Webhook, or long poll where no public address is set.
    WebhookOrPoll,
    /// Mail: a standing connection watches a mailbox, and what goes out goes by SMTP.
    Mailbox,
    /// Our own web chat: both ways inside this program.
    Local,
}

/// A setting or secret under the provider's own name.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub required: bool,
    /// What it is and where to find it.
    pub help: &'static str,
}
