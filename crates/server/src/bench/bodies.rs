//! WhatsApp webhooks as Meta sends them, as whole HTTP requests, signed before the clock starts.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Body bytes of a message webhook, as the measurement is defined.
const BODY_BYTES: usize = 1024;

/// The secret both sides know.
pub(super) const APP_SECRET: &str = "bench-app-secret-0123456789abcdef";
/// The token of every account.
pub(super) const TOKEN: &str = "bench-token";
/// Accounts under the one app.
pub(super) const ACCOUNTS: u32 = 200;
/// Customers over all accounts.
pub(super) const CONTACTS: u32 = 20_000;

/// Stands in the mark of a bulk message where an answer has its customer: nobody waits for it.
pub(super) const BULK: u32 = CONTACTS;

/// A customer's message: the `nth` of this customer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Mark {
    pub(super) contact: u32,
    pub(super) nth: u32,
}

impl Mark {
    /// As it stands at the beginning of the message and, repeated by the rule, in the answer.
    pub(super) fn text(self) -> String {
        format!("c{:06}m{:06}", self.contact, self.nth)
    }

    /// Finds a mark in some bytes.
    pub(super) fn find(bytes: &[u8]) -> Option<Self> {
        let number = |digits: &[u8]| str::from_utf8(digits).ok()?.parse().ok();
        bytes
            .windows(14)
            .find(|w| w[0] == b'c' && w[7] == b'm' && w[1].is_ascii_digit() && w[8].is_ascii_digit())
            .and_then(|w| Some(Self { contact: number(&w[1..7])?, nth: number(&w[8..14])? }))
    }

    /// The provider's id of the answer to this message.
    pub(super) fn answer_id(self, seed: u32) -> String {
        format!("wamid.OUT.{seed}.{}.{}", self.contact, self.nth)
    }
}

/// The provider's id of an account's number.
pub(super) fn phone_number_id(account: u32) -> String {
    format!("{}", 106_540_352_000_000_u64 + u64::from(account))
}

/// The business account all numbers belong to.
pub(super) const WABA: &str = "102290129340398";

/// A customer's number, without plus.
pub(super) fn customer(contact: u32) -> String {
    format!("4915{:08}", 20_000_000 + contact)
}

/// The account a customer writes to.
pub(super) fn account_of(contact: u32) -> u32 {
    contact % ACCOUNTS
}

/// Makes requests for one server and one run.
#[derive(Clone)]
pub(super) struct Maker {
    pub(super) host: String,
    /// `/hooks/whatsapp/<key>`.
    pub(super) path: String,
    /// Tells this run's message ids from those of others.
    pub(super) seed: u32,
    /// Seconds since 1970, as the provider's time.
    pub(super) now: i64,
}

impl Maker {
    /// The provider's id of a customer's message.
    pub(super) fn message_id(&self, mark: Mark) -> String {
        format!("wamid.IN.{}.{}.{}", self.seed, mark.contact, mark.nth)
    }

    /// One customer's message.
    pub(super) fn message(&self, mark: Mark) -> Vec<u8> {
        self.request(&self.message_body(mark))
    }

    /// The body of its webhook.
    pub(super) fn message_body(&self, mark: Mark) -> String {
        let customer = customer(mark.contact);
        let head = format!(
            concat!(
                r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{waba}","changes":[{{"value":{{"#,
                r#""messaging_product":"whatsapp","metadata":{{"display_phone_number":"4930{account:08}","#,
                r#""phone_number_id":"{number}"}},"contacts":[{{"profile":{{"name":"Customer {contact}"}},"#,
                r#""wa_id":"{customer}","user_id":"DE.{contact:020}"}}],"messages":[{{"from":"{customer}","#,
                r#""from_user_id":"DE.{contact:020}","id":"{id}","timestamp":"{now}","#,
                r#""type":"text","text":{{"body":"{mark} "#,
            ),
            waba = WABA,
            account = account_of(mark.contact),
            number = phone_number_id(account_of(mark.contact)),
            contact = mark.contact,
            customer = customer,
            id = self.message_id(mark),
            now = self.now,
            mark = mark.text(),
        );
        const TAIL: &str = r#""}}]},"field":"messages"}]}]}"#;
        let words = "do you have the blue one in size 42, and could it be here by friday? ";
        let room = BODY_BYTES.saturating_sub(head.len() + TAIL.len());
        let fill: String = words.chars().cycle().take(room).collect();
        format!("{head}{fill}{TAIL}")
    }

    /// The receipt for the answer to a message: it was delivered.
    pub(super) fn delivered(&self, mark: Mark) -> Vec<u8> {
        let number = phone_number_id(account_of(mark.contact));
        self.request(&format!(
            concat!(
                r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{waba}","changes":[{{"value":{{"#,
                r#""messaging_product":"whatsapp","metadata":{{"display_phone_number":"4930{account:08}","#,
                r#""phone_number_id":"{number}"}},"contacts":[{{"wa_id":"{customer}","user_id":"DE.{contact:020}"}}],"#,
                r#""statuses":[{{"id":"{id}","status":"delivered","timestamp":"{now}","recipient_id":"{customer}"}}]"#,
                r#"}},"field":"messages"}}]}}]}}"#,
            ),
            waba = WABA,
            account = account_of(mark.contact),
            number = number,
            customer = customer(mark.contact),
            contact = mark.contact,
            id = mark.answer_id(self.seed),
            now = self.now,
        ))
    }

    fn request(&self, body: &str) -> Vec<u8> {
        format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             user-agent: facebookexternalua\r\nx-hub-signature-256: sha256={}\r\n\r\n{body}",
            self.path,
            self.host,
            body.len(),
            signature(body.as_bytes()),
        )
        .into_bytes()
    }
}

fn signature(body: &[u8]) -> String {
    use std::fmt::Write as _;
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()) else { return String::new() };
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use everthread_channels::{HookRequest, RawRecord, find};
    use everthread_core::account::Secrets;
    use everthread_core::event::EventKind;

    use super::*;

    fn maker() -> Maker {
        Maker { host: "h".into(), path: "/hooks/whatsapp/k".into(), seed: 3, now: 1_764_000_000 }
    }

    #[test]
    fn requests_are_signed_webhooks_that_the_adapter_understands() {
        let mark = Mark { contact: 77, nth: 5 };
        let whatsapp = find("whatsapp").expect("channel");
        let secrets = [Secrets([("app_secret".to_owned(), APP_SECRET.to_owned())].into())];
        for (request, is_message) in [(maker().message(mark), true), (maker().delivered(mark), false)] {
            let split = request.windows(4).position(|w| w == b"\r\n\r\n").expect("head") + 4;
            let (head, body) = (String::from_utf8_lossy(&request[..split]), &request[split..]);
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
            let given = head.lines().find_map(|l| l.strip_prefix("x-hub-signature-256: ")).expect("signed");
            let headers = [("x-hub-signature-256".to_owned(), given.to_owned())];
            let hook = HookRequest { headers: &headers, query: "", body, urls: &[] };
            assert_eq!(whatsapp.verify(&hook, &secrets), Ok(0));
            let parsed = whatsapp.parse(&RawRecord { body, content_type: "application/json", query: "" });
            assert_eq!((parsed.items.len(), parsed.problems.len()), (1, 0));
            let event = &parsed.items[0].event;
            assert_eq!(matches!(event.kind, EventKind::Message(_)), is_message);
            if is_message {
                assert_eq!(body.len(), BODY_BYTES);
                assert_eq!(Mark::find(body), Some(mark));
            }
        }
    }
}
