//! What goes over the wire, without a client.

use std::borrow::Cow;

use everthread_core::content::{Button, Content, Thread};
use everthread_core::event::Address;
use everthread_core::state::Class;
use everthread_core::time::Span;

/// An incoming HTTP request as an adapter sees it.
#[derive(Clone, Copy, Debug)]
pub struct HookRequest<'a> {
    /// Header names in lower case.
    pub headers: &'a [(String, String)],
    /// Raw query string, without the question mark; may be empty.
    pub query: &'a str,
    pub body: &'a [u8],
    /// The full addresses this request may have been signed for, the configured one first
    /// (Twilio signs the address). Never taken from forwarded headers.
    pub urls: &'a [String],
}

impl HookRequest<'_> {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// One raw record from the journal.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    pub body: &'a [u8],
    /// As the provider said; may be empty.
    pub content_type: &'a str,
    /// Raw query string of the webhook (Twilio's status callbacks carry our correlation there); may be empty.
    pub query: &'a str,
}

/// One outgoing part.
#[derive(Clone, Debug)]
pub struct Outbound<'a> {
    /// Our own token for this part, the same in every attempt; what a channel can carry back.
    pub correlation: &'a str,
    pub to: &'a Address,
    /// Fitted to the channel: text within its limit, at most one attachment, buttons within its number.
    pub content: Cow<'a, Content>,
    /// Provider id of the message it answers.
    pub reply_to: Option<&'a str>,
    /// What was said before, on channels that thread by references.
    pub thread: Option<&'a Thread>,
    /// Bytes of the one attachment, on channels that carry files themselves ([`Transport::Mailbox`]).
    ///
    /// [`Transport::Mailbox`]: crate::spec::Transport::Mailbox
    pub file: Option<&'a [u8]>,
    /// A reaction instead of content: provider id and emoji, `None` to take it back.
    pub reaction: Option<(&'a str, Option<&'a str>)>,
    pub class: Class,
    /// True only for text typed by a person who may use the human-agent tag, outside the standard window.
    pub human_tag: bool,
}

impl Outbound<'_> {
    /// Buttons of the content.
    pub fn buttons(&self) -> &[Button] {
        &self.content.buttons
    }
}

/// One call for the shell to make: over HTTP, or by mail.
///
/// With a `smtp:`, `smtps:`, `imap:` or `imaps:` address the headers hold `user` and `password` and, by method:
/// `SEND` the envelope (`mail-from`, `rcpt-to`) and `message-id`, with the mail as body; `NOOP` nothing more;
/// `STATUS` the `folder` to open; `FETCH` a mail's `folder`, `validity`, `uid` and `id`.
#[derive(Clone, PartialEq, Eq)]
pub struct WireRequest {
    pub method: &'static str,
    pub url: String,
    /// May hold the token: never logged as it is, see [`WireRequest::redacted`].
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Overrides the default call time-out.
    pub timeout: Option<Span>,
    /// Pieces of `url`, headers and body that must not be stored or shown.
    pub secrets: Vec<String>,
}

impl WireRequest {
    /// Method, address and body with every secret replaced by `***`, for the attempt's record.
    pub fn redacted(&self) -> String {
        let mut text = format!("{} {}\n{}", self.method, self.url, String::from_utf8_lossy(&self.body));
        for secret in self.secrets.iter().filter(|s| !s.is_empty()) {
            text = text.replace(secret.as_str(), "***");
        }
        text
    }
}

impl std::fmt::Debug for WireRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// The answer to a call, or what happened instead of one.
#[derive(Clone, Copy, Debug)]
pub enum WireResponse<'a> {
    /// Any HTTP answer, header names in lower case. Of a mail server: the reply's code, its text behind the step
    /// that it answers (`at rcpt: ...`), and `message-id` where it took a mail.
    Answer { status: u16, headers: &'a [(String, String)], body: &'a [u8] },
    /// No byte of the request was written: DNS, refused, TLS or connect time-out. Not executed.
    NotSent { error: &'a str },
    /// The request was (partly) written and no answer came. Nobody knows.
    NoAnswer { error: &'a str },
}
