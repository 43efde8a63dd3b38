//! Payloads as the platforms send them, signed as they sign them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use super::fake::Fake;
use super::hub::{Account, Hub};

/// Seconds now.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Secret under which the accounts of [`Meta`] helpers sign, unless a test says otherwise.
pub(crate) const APP_SECRET: &str = "app-secret";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// `X-Hub-Signature-256` of a body.
pub(crate) fn meta_signature(secret: &str, body: &[u8]) -> (&'static str, String) {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body);
    ("x-hub-signature-256", format!("sha256={}", hex(&mac.finalize().into_bytes())))
}

/// `X-Twilio-Signature` of a form posted to an address.
pub(crate) fn twilio_signature(token: &str, url: &str, form: &[(&str, &str)]) -> (&'static str, String) {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("a key");
    mac.update(url.as_bytes());
    let mut sorted = form.to_vec();
    sorted.sort_unstable();
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    ("x-twilio-signature", STANDARD.encode(mac.finalize().into_bytes()))
}

impl Hub {
    /// Posts what Meta sends, signed under a secret.
    pub(crate) async fn meta_under(&self, account: &Account, secret: &str, body: &Value) -> u16 {
        let body = body.to_string().into_bytes();
        let headers = [meta_signature(secret, &body), ("content-type", "application/json".into())];
        self.post(&account.path, &headers, body).await.0
    }

    /// Posts what Meta sends; it must be taken.
    pub(crate) async fn meta(&self, account: &Account, body: &Value) {
        assert_eq!(self.meta_under(account, APP_SECRET, body).await, 200, "{body}");
    }

    /// Posts an update of Telegram's; it must be taken.
    pub(crate) async fn telegram(&self, account: &Account, update: &Value) {
        let headers = [
            ("x-telegram-bot-api-secret-token", "tg-secret".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        let (status, said) = self.post(&account.path, &headers, update.to_string().into()).await;
        assert_eq!(status, 200, "{said}");
    }

    /// Posts a form of Twilio's; it must be taken.
    pub(crate) async fn twilio(&self, account: &Account, query: &str, form: &[(&str, &str)]) {
        let path = format!("{}{query}", account.path);
        let signature = twilio_signature("tw-auth", &format!("{}{path}", self.url), form);
        let url = reqwest::Url::parse_with_params("http://x/", form).expect("a form");
        let headers = [signature, ("content-type", "application/x-www-form-urlencoded".into())];
        let (status, said) =
            self.post(&path, &headers, url.query().unwrap_or_default().as_bytes().to_vec()).await;
        assert_eq!(status, 200, "{said}");
    }

    /// Connects a WhatsApp number.
    pub(crate) fn whatsapp(&self, fake: &Fake, number_id: &str, more: &[&str]) -> Account {
        self.whatsapp_under(fake, number_id, APP_SECRET, more)
    }

    /// Connects a WhatsApp number of another app.
    pub(crate) fn whatsapp_under(
        &self,
        fake: &Fake,
        number_id: &str,
        secret: &str,
        more: &[&str],
    ) -> Account {
        let pairs = [
            ("--set", format!("phone_number_id={number_id}")),
            ("--set", format!("api_base={}", fake.url)),
            ("--secret", "token=wa-token".into()),
            ("--secret", format!("app_secret={secret}")),
            ("--secret", "verify_token=wa-verify".into()),
        ];
        self.add("whatsapp", &format!("WhatsApp {number_id}"), &pairs, more)
    }

    /// Connects an Instagram account.
    pub(crate) fn instagram(&self, fake: &Fake, ig_id: &str) -> Account {
        let pairs = [
            ("--set", format!("ig_id={ig_id}")),
            ("--set", format!("api_base={}", fake.url)),
            ("--secret", "token=ig-token".into()),
            ("--secret", format!("app_secret={APP_SECRET}")),
            ("--secret", "verify_token=ig-verify".into()),
        ];
        self.add("instagram", &format!("Instagram {ig_id}"), &pairs, &[])
    }

    /// Connects a Facebook Page.
    pub(crate) fn messenger(&self, fake: &Fake, page_id: &str) -> Account {
        let pairs = [
            ("--set", format!("page_id={page_id}")),
            ("--set", format!("api_base={}", fake.url)),
            ("--secret", "token=page-token".into()),
            ("--secret", format!("app_secret={APP_SECRET}")),
            ("--secret", "verify_token=page-verify".into()),
        ];
        self.add("messenger", &format!("Page {page_id}"), &pairs, &[])
    }

    /// Connects a Telegram bot.
    pub(crate) fn telegram_bot(&self, fake: &Fake) -> Account {
        let pairs = [
            ("--set", format!("api_base={}", fake.url)),
            ("--secret", "token=123456:tg-token".into()),
            ("--secret", "secret_token=tg-secret".into()),
        ];
        self.add("telegram", "Bot", &pairs, &[])
    }

    /// Connects a number at Twilio.
    pub(crate) fn twilio_number(&self, fake: &Fake) -> Account {
        let pairs = [
            ("--set", "account_sid=AC1".into()),
            ("--set", "from=+15550001111".into()),
            ("--set", format!("api_base={}", fake.url)),
            ("--secret", "auth_token=tw-auth".into()),
        ];
        self.add("twilio", "SMS", &pairs, &[])
    }
}

/// A webhook of WhatsApp's with these values, each `(number id, field, what of it)`.
pub(crate) fn wa(changes: &[(&str, &str, Value)]) -> Value {
    let entries = changes.iter().map(|(number, field, value)| {
        let mut value = value.clone();
        value["messaging_product"] = "whatsapp".into();
        value["metadata"] = json!({ "display_phone_number": "15550783881", "phone_number_id": number });
        json!({ "id": format!("waba{number}"), "changes": [{ "field": field, "value": value }] })
    });
    json!({ "object": "whatsapp_business_account", "entry": entries.collect::<Vec<_>>() })
}

/// A text from a customer.
pub(crate) fn wa_message(from: &str, id: &str, text: &str) -> Value {
    json!({ "from": from, "id": id, "timestamp": now().to_string(), "type": "text", "text": { "body": text } })
}

/// A webhook with one text from a customer.
pub(crate) fn wa_text(number: &str, from: &str, id: &str, text: &str) -> Value {
    let contact = json!({ "profile": { "name": format!("Customer {from}") }, "wa_id": from });
    wa(&[(number, "messages", json!({ "contacts": [contact], "messages": [wa_message(from, id, text)] }))])
}

/// A webhook with one receipt.
pub(crate) fn wa_receipt(number: &str, to: &str, id: &str, status: &str, correlation: Option<&str>) -> Value {
    let mut receipt =
        json!({ "id": id, "status": status, "timestamp": now().to_string(), "recipient_id": to });
    if let Some(correlation) = correlation {
        receipt["biz_opaque_callback_data"] = correlation.into();
    }
    if status == "failed" {
        receipt["errors"] = json!([{ "code": 131_026, "title": "Message undeliverable" }]);
    }
    wa(&[(number, "messages", json!({ "statuses": [receipt] }))])
}

/// A webhook of Instagram's with these items of one account.
pub(crate) fn ig(account: &str, items: &[Value]) -> Value {
    json!({ "object": "instagram", "entry": [{ "id": account, "time": now() * 1000, "messaging": items }] })
}

/// A webhook of Messenger's with these items of one Page.
pub(crate) fn page(id: &str, items: &[Value]) -> Value {
    json!({ "object": "page", "entry": [{ "id": id, "time": now() * 1000, "messaging": items }] })
}

/// What Messenger says of everything sent up to a time in milliseconds: `read` or `delivery`.
pub(crate) fn page_watermark(id: &str, from: &str, what: &str, until_ms: i64) -> Value {
    json!({ "sender": { "id": from }, "recipient": { "id": id }, "timestamp": now() * 1000,
            what: { "watermark": until_ms } })
}

/// A text from a customer.
pub(crate) fn ig_text(account: &str, from: &str, mid: &str, text: &str) -> Value {
    json!({ "sender": { "id": from }, "recipient": { "id": account }, "timestamp": now() * 1000,
            "message": { "mid": mid, "text": text } })
}

/// A text that the business sent, by us or in the platform's own app.
pub(crate) fn ig_echo(account: &str, to: &str, mid: &str, text: &str) -> Value {
    json!({ "sender": { "id": account }, "recipient": { "id": to }, "timestamp": now() * 1000,
            "message": { "mid": mid, "text": text, "is_echo": true } })
}

/// An update with a text from a customer.
pub(crate) fn tg_text(update: i64, from: i64, text: &str) -> Value {
    let person =
        json!({ "id": from, "is_bot": false, "first_name": "Nina", "username": format!("nina{from}") });
    json!({ "update_id": update, "message": {
        "message_id": update, "from": person, "chat": { "id": from, "first_name": "Nina", "type": "private" },
        "date": now(), "text": text } })
}
