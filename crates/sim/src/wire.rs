//! The platforms' own formats: webhooks as they post them, answers as they give them.
//!
//! Written from the channel facts; nothing here uses an adapter's types, so that one misreading cannot hide in both.

use everthread_channels::form::{self, escape};
use everthread_core::event::Fact;
use everthread_core::time::Timestamp;
use serde_json::{Value, json};

use crate::rng::Rng;

/// An answer on the wire, or none.
#[derive(Clone)]
#[expect(clippy::enum_variant_names, reason = "an answer that never comes is still what came of the call")]
pub(crate) enum Answer {
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Nothing was written.
    NotSent,
    /// Written, and silence.
    NoAnswer,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { status, headers, body } => {
                write!(f, "{status} {headers:?} {}", String::from_utf8_lossy(body))
            }
            Self::NotSent => f.write_str("not sent"),
            Self::NoAnswer => f.write_str("no answer"),
        }
    }
}

/// A webhook's query and body.
pub(crate) type Post = (String, Vec<u8>);

/// One customer on one account of ours, at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire<'a> {
    pub(crate) channel: &'a str,
    /// The platform's id of our account.
    pub(crate) own: &'a str,
    /// The customer's address.
    pub(crate) peer: &'a str,
    pub(crate) at: Timestamp,
}

impl Wire<'_> {
    fn secs(&self) -> i64 {
        self.at.micros() / 1_000_000
    }

    fn whatsapp(&self, field: &str, list: &str, item: Value) -> Post {
        let value = json!({"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": self.own}, list: [item]});
        let entry = json!({"id": "102290129340398", "changes": [{"value": value, "field": field}]});
        json_post(&json!({"object": "whatsapp_business_account", "entry": [entry]}))
    }

    /// A direct message's item, on Instagram and on Messenger. `ours`: done on our side.
    fn direct(&self, ours: bool, key: &str, what: Value) -> Post {
        let (sender, recipient) = if ours { (self.own, self.peer) } else { (self.peer, self.own) };
        let millis = self.at.micros() / 1_000;
        let item =
            json!({"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": millis, key: what});
        let entry = json!({"id": self.own, "time": millis, "messaging": [item]});
        let object = if self.channel == "messenger" { "page" } else { "instagram" };
        json_post(&json!({"object": object, "entry": [entry]}))
    }

    fn telegram(&self, update: u64, key: &str, mut what: Value) -> Post {
        let id: i64 = self.peer.parse().unwrap_or_default();
        what["chat"] = json!({"id": id, "first_name": "Nina", "type": "private"});
        what["date"] = self.secs().into();
        if key == "message_reaction" {
            what["user"] = json!({"id": id, "is_bot": false, "first_name": "Nina"});
        } else {
            what["from"] = json!({"id": id, "is_bot": false, "first_name": "Nina"});
        }
        json_post(&json!({"update_id": 800_000_000 + update, key: what}))
    }

    fn digits(&self) -> &str {
        self.peer.trim_start_matches('+')
    }

    /// The customer writes; `picture`: with a file.
    pub(crate) fn message(&self, number: u64, text: &str, picture: bool) -> Post {
        let id = self.provider_id(number);
        match self.channel {
            "whatsapp" => {
                let (kind, what) = if picture {
                    ("image", json!({"id": format!("m{number}"), "mime_type": "image/jpeg", "caption": text}))
                } else {
                    ("text", json!({ "body": text }))
                };
                let item = json!({"from": self.digits(), "id": id, "timestamp": self.secs().to_string(),
                    "type": kind, kind: what});
                self.whatsapp("messages", "messages", item)
            }
            "instagram" | "messenger" => {
                let mut what = json!({"mid": id, "text": text});
                if picture {
                    let url = format!("https://cdn.example/{number}");
                    what["attachments"] = json!([{"type": "image", "payload": {"url": url}}]);
                }
                self.direct(false, "message", what)
            }
            "telegram" => {
                let mut what = json!({ "message_id": number });
                if picture {
                    what["photo"] = json!([{"file_id": format!("f{number}"), "file_unique_id": "u",
                        "width": 90, "height": 90, "file_size": 5}]);
                    what["caption"] = text.into();
                } else {
                    what["text"] = text.into();
                }
                self.telegram(number, "message", what)
            }
            "twilio" => {
                let url = format!("https://api.twilio.example/Media/{number}");
                let mut fields = vec![("MessageSid", id.as_str()), ("From", self.peer), ("To", self.own)];
                fields.extend([("SmsStatus", "received"), ("Body", text)]);
                fields.push(("NumMedia", if picture { "1" } else { "0" }));
                if picture {
                    fields.extend([("MediaUrl0", url.as_str()), ("MediaContentType0", "image/jpeg")]);
                }
                (String::new(), form::encode(fields).into_bytes())
            }
            _ => json_post(
                &json!({"client_id": id, "visitor": self.peer, "text": text, "at": self.at.rfc3339()}),
            ),
        }
    }

    /// The id under which the hub must know message `number`.
    pub(crate) fn provider_id(&self, number: u64) -> String {
        match self.channel {
            "whatsapp" => format!("wamid.P{number}"),
            "instagram" => format!("aWdfP{number}"),
            "messenger" => format!("m_P{number}"),
            "telegram" => format!("{}:{number}", self.peer),
            "twilio" => format!("SM{number:032}"),
            _ => format!("c-{number}"),
        }
    }

    /// The customer corrects a message. `None` where the platform has no such thing.
    pub(crate) fn edit(&self, number: u64, id: &str, text: &str) -> Option<Post> {
        match self.channel {
            "whatsapp" => {
                let message = json!({"type": "text", "text": {"body": text}});
                let item = json!({"from": self.digits(), "id": self.provider_id(number),
                    "timestamp": self.secs().to_string(), "type": "edit",
                    "edit": {"original_message_id": id, "message": message}});
                Some(self.whatsapp("messages", "messages", item))
            }
            "instagram" | "messenger" => {
                let what = json!({"mid": id, "text": text, "num_edit": number});
                Some(self.direct(false, "message_edit", what))
            }
            "telegram" => {
                let what = json!({"message_id": telegram_number(id), "edit_date": self.secs(), "text": text});
                Some(self.telegram(number, "edited_message", what))
            }
            _ => None,
        }
    }

    /// The customer has another number from now on. WhatsApp alone tells.
    pub(crate) fn moved(&self, number: u64, to: &str) -> Option<Post> {
        if self.channel != "whatsapp" {
            return None;
        }
        let what =
            json!({"type": "user_changed_number", "wa_id": to.trim_start_matches('+'), "body": "changed"});
        let item = json!({"from": self.digits(), "id": self.provider_id(number),
            "timestamp": self.secs().to_string(), "type": "system", "system": what});
        Some(self.whatsapp("messages", "messages", item))
    }

    /// The customer withdraws a message.
    pub(crate) fn delete(&self, number: u64, id: &str) -> Option<Post> {
        match self.channel {
            "whatsapp" => {
                let item = json!({"from": self.digits(), "id": self.provider_id(number),
                    "timestamp": self.secs().to_string(), "type": "revoke", "revoke": {"original_message_id": id}});
                Some(self.whatsapp("messages", "messages", item))
            }
            "instagram" => Some(self.direct(false, "message", json!({"mid": id, "is_deleted": true}))),
            _ => None,
        }
    }

    /// The customer reacts to a message of ours.
    pub(crate) fn reaction(&self, number: u64, id: &str) -> Option<Post> {
        match self.channel {
            "whatsapp" => {
                let item = json!({"from": self.digits(), "id": self.provider_id(number),
                    "timestamp": self.secs().to_string(), "type": "reaction",
                    "reaction": {"message_id": id, "emoji": "👍"}});
                Some(self.whatsapp("messages", "messages", item))
            }
            "instagram" | "messenger" => {
                let what = json!({"mid": id, "action": "react", "reaction": "like", "emoji": "👍"});
                Some(self.direct(false, "reaction", what))
            }
            "telegram" => {
                let what = json!({"message_id": telegram_number(id), "old_reaction": [],
                    "new_reaction": [{"type": "emoji", "emoji": "👍"}]});
                Some(self.telegram(number, "message_reaction", what))
            }
            _ => None,
        }
    }

    /// Something said in our name: by our own call, or typed in the platform's own app.
    /// Messenger gives our own word back with what we sent.
    pub(crate) fn echo(&self, id: &str, text: &str, correlation: Option<&str>) -> Option<Post> {
        match self.channel {
            "whatsapp" => {
                let item = json!({"from": "15550783881", "to": self.digits(), "id": id,
                    "timestamp": self.secs().to_string(), "type": "text", "text": {"body": text}});
                Some(self.whatsapp("smb_message_echoes", "message_echoes", item))
            }
            "instagram" => {
                Some(self.direct(true, "message", json!({"mid": id, "text": text, "is_echo": true})))
            }
            "messenger" => {
                let mut what = json!({"mid": id, "text": text, "is_echo": true});
                if let Some(correlation) = correlation {
                    what["metadata"] = correlation.into();
                    what["app_id"] = 9900.into();
                }
                Some(self.direct(true, "message", what))
            }
            _ => None,
        }
    }

    /// Everything that we had sent until then has come so far: Messenger's receipts. Some name the message too.
    pub(crate) fn passed(&self, until: Timestamp, fact: Fact, named: Option<&str>) -> Option<Post> {
        let mut what = json!({"watermark": until.micros() / 1_000});
        match (self.channel, fact) {
            ("messenger", Fact::Read) => Some(self.direct(false, "read", what)),
            ("messenger", Fact::Delivered) => {
                if let Some(id) = named {
                    what["mids"] = json!([id]);
                }
                Some(self.direct(false, "delivery", what))
            }
            _ => None,
        }
    }

    /// What became of a message of ours.
    pub(crate) fn receipt(&self, id: &str, fact: Fact, correlation: &str) -> Option<Post> {
        match (self.channel, fact) {
            ("whatsapp", fact) => {
                let status = match fact {
                    Fact::Accepted => "sent",
                    Fact::Failed => "failed",
                    Fact::Delivered => "delivered",
                    Fact::Read => "read",
                };
                let mut item = json!({"id": id, "status": status, "timestamp": self.secs().to_string(),
                    "recipient_id": self.digits(), "biz_opaque_callback_data": correlation});
                if fact == Fact::Failed {
                    item["errors"] = json!([{"code": 131_026, "title": "Message undeliverable"}]);
                }
                Some(self.whatsapp("messages", "statuses", item))
            }
            ("instagram", Fact::Read) => Some(self.direct(false, "read", json!({ "mid": id }))),
            ("twilio", fact) if fact != Fact::Read => {
                let status = match fact {
                    Fact::Accepted => "sent",
                    Fact::Failed => "undelivered",
                    _ => "delivered",
                };
                let mut fields = vec![
                    ("MessageSid", id),
                    ("From", self.own),
                    ("To", self.peer),
                    ("MessageStatus", status),
                ];
                if fact == Fact::Failed {
                    fields.push(("ErrorCode", "30003"));
                }
                Some((format!("part={}", escape(correlation)), form::encode(fields).into_bytes()))
            }
            ("webchat", Fact::Delivered) => {
                Some(json_post(&json!({"visitor": self.peer, "delivered": [id]})))
            }
            ("webchat", Fact::Read) => Some(json_post(&json!({"visitor": self.peer, "read": [id]}))),
            _ => None,
        }
    }
}

fn telegram_number(id: &str) -> i64 {
    id.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn json_post(value: &Value) -> Post {
    (String::new(), value.to_string().into_bytes())
}

fn http(status: u16, headers: &[(&str, String)], body: &Value) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Answer::Http { status, headers, body: body.to_string().into_bytes() }
}

fn graph(status: u16, code: i64, subcode: Option<i64>) -> Answer {
    let mut error =
        json!({"message": format!("(#{code}) simulated"), "type": "OAuthException", "code": code});
    if let Some(subcode) = subcode {
        error["error_subcode"] = subcode.into();
    }
    http(status, &[], &json!({ "error": error }))
}

fn bot(status: u16, text: &str) -> Answer {
    http(status, &[], &json!({"ok": false, "error_code": status, "description": text}))
}

fn sms(status: u16, code: i64) -> Answer {
    http(status, &[], &json!({"code": code, "message": "simulated", "status": status}))
}

/// It was carried out, under this id.
pub(crate) fn accepted(channel: &str, id: &str) -> Answer {
    match channel {
        "whatsapp" => http(200, &[], &json!({"messaging_product": "whatsapp", "messages": [{"id": id}]})),
        "instagram" | "messenger" => http(200, &[], &json!({"recipient_id": "1", "message_id": id})),
        "telegram" => {
            let chat: i64 = id.split(':').next().and_then(|chat| chat.parse().ok()).unwrap_or_default();
            let result = json!({"message_id": telegram_number(id), "chat": {"id": chat, "type": "private"}, "date": 1});
            http(200, &[], &json!({"ok": true, "result": result}))
        }
        "twilio" => http(201, &[], &json!({"sid": id, "status": "queued", "error_code": null})),
        _ => http(200, &[], &json!({ "id": id })),
    }
}

/// Too fast; sometimes with the wait.
pub(crate) fn throttled(channel: &str, rng: &mut Rng) -> Answer {
    let wait = rng.below(40);
    let after = [("retry-after", wait.to_string())];
    match channel {
        "whatsapp" => {
            let code = if rng.chance(500) { 131_056 } else { 130_429 };
            graph(if code == 130_429 { 429 } else { 400 }, code, None)
        }
        "instagram" => graph(400, 613, Some(2_534_040)),
        "messenger" => graph(429, 4, Some(2_018_022)),
        "telegram" => {
            let text = format!("Too Many Requests: retry after {wait}");
            let body = json!({"ok": false, "error_code": 429, "description": text,
                "parameters": {"retry_after": wait}});
            http(429, &after, &body)
        }
        "twilio" => sms(429, 20_429),
        _ => http(429, &after, &json!({})),
    }
}

/// Down, and it says that it did nothing; where a platform cannot say so, no connection comes about.
pub(crate) fn down(channel: &str) -> Answer {
    match channel {
        "whatsapp" => graph(503, 131_016, None),
        "messenger" => graph(503, 2, Some(1_545_133)),
        _ => Answer::NotSent,
    }
}

/// Nobody can say what was done: silence, or a server error that does not tell. Our own web chat has no such error.
pub(crate) fn unclear(channel: &str, silence: bool) -> Answer {
    if silence || channel == "webchat" {
        return Answer::NoAnswer;
    }
    if channel == "messenger" {
        // Said of messages that went out.
        return graph(500, 1, Some(1_357_046));
    }
    Answer::Http { status: 503, headers: Vec::new(), body: b"<html>Service Unavailable</html>".to_vec() }
}

/// The token is no good.
pub(crate) fn bad_token(channel: &str) -> Answer {
    match channel {
        "telegram" => bot(401, "Unauthorized"),
        "twilio" => sms(401, 20_003),
        _ => graph(401, 190, Some(463)),
    }
}

/// The customer cannot be written to, or the message is not liked.
pub(crate) fn refused(channel: &str, rng: &mut Rng) -> Answer {
    let gone = rng.chance(300);
    match channel {
        "whatsapp" => graph(400, if gone { 131_026 } else { 100 }, None),
        "instagram" => graph(400, 100, gone.then_some(2_534_014)),
        "messenger" if gone => graph(400, 551, Some(1_545_041)),
        "messenger" => graph(400, 100, None),
        "telegram" if gone => bot(403, "Forbidden: bot was blocked by the user"),
        "telegram" => bot(400, "Bad Request: can't parse entities"),
        "twilio" => sms(400, if gone { 21_610 } else { 21_617 }),
        _ => http(400, &[], &json!({})),
    }
}

/// What a call asks for: the text, and our own token where the platform takes it.
pub(crate) fn text_of(channel: &str, body: &[u8]) -> String {
    if channel == "twilio" {
        let pairs = form::decode(body);
        return form::value(&pairs, "Body").unwrap_or_default().to_owned();
    }
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let at = match channel {
        "whatsapp" => value.pointer("/text/body"),
        "instagram" | "messenger" => value.pointer("/message/text"),
        _ => value.get("text"),
    };
    at.and_then(Value::as_str).unwrap_or_default().to_owned()
}
