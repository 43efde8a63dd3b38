//! What a message holds, by its `type`.

use everthread_core::content::{Attachment, AttachmentKind, Content, MediaSource};
use serde_json::Value;

use crate::json;
use crate::table::clean;

/// Content and, where a choice was made, its payload.
pub(super) struct Body {
    pub(super) content: Content,
    pub(super) postback: Option<String>,
}

/// Reads a message's content. `Err` where the type is not known.
pub(super) fn read(item: &Value) -> Result<Body, String> {
    let word = json::text(item, "type").unwrap_or_default();
    let plain = |content: Content| Ok(Body { content, postback: None });
    // What a type says is there must be there: half a message is no message.
    let missing = || format!("a message of type `{}` without its content", clean(word));
    match word {
        "text" => plain(Content::text(json::text(item, "text.body").ok_or_else(missing)?)),
        "image" | "video" | "audio" | "voice" | "document" | "sticker" | "location" | "order" | "button"
        | "interactive"
            if !item[word].is_object() =>
        {
            Err(missing())
        }
        "contacts" if json::list(item, "contacts").is_empty() => Err(missing()),
        "image" | "video" | "audio" | "voice" | "document" | "sticker" => plain(media(word, &item[word])),
        "location" => plain(one(place(&item["location"]))),
        "contacts" => plain(Content {
            attachments: json::list(item, "contacts").iter().map(card).collect(),
            ..Content::default()
        }),
        "order" => plain(order(&item["order"])),
        "button" => Ok(Body {
            content: Content::text(json::text(item, "button.text").unwrap_or_default()),
            postback: json::string(item, "button.payload"),
        }),
        "interactive" => interactive(&item["interactive"]),
        "unsupported" | "unknown" | "ephemeral" => plain(unsupported(item)),
        other => Err(format!("a message of unknown type `{}`", clean(other))),
    }
}

fn one(attachment: Attachment) -> Content {
    Content { attachments: vec![attachment], ..Content::default() }
}

fn bare(kind: AttachmentKind) -> Attachment {
    Attachment { kind, mime: None, name: None, size: None, source: None, note: None }
}

fn media(word: &str, file: &Value) -> Content {
    let kind = match word {
        "image" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "voice" => AttachmentKind::Voice,
        "audio" if json::flag(file, "voice") => AttachmentKind::Voice,
        "audio" => AttachmentKind::Audio,
        "sticker" => AttachmentKind::Sticker,
        _ => AttachmentKind::File,
    };
    let by_id = json::id(file, "id").map(MediaSource::ProviderId);
    let attachment = Attachment {
        mime: json::string(file, "mime_type"),
        name: json::string(file, "filename"),
        size: json::number(file, "file_size").and_then(|n| u64::try_from(n).ok()),
        source: by_id.or_else(|| json::string(file, "url").map(MediaSource::Url)),
        ..bare(kind)
    };
    Content { text: json::text(file, "caption").unwrap_or_default().to_owned(), ..one(attachment) }
}

fn place(place: &Value) -> Attachment {
    let number =
        |path: &str| json::at(place, path).map(|n| n.as_str().map_or_else(|| n.to_string(), str::to_owned));
    let mut note =
        format!("{},{}", number("latitude").unwrap_or_default(), number("longitude").unwrap_or_default());
    for more in ["name", "address"].iter().filter_map(|path| json::text(place, path)) {
        note.push_str(&format!(" {more}"));
    }
    Attachment { note: Some(note), ..bare(AttachmentKind::Location) }
}

fn card(card: &Value) -> Attachment {
    let mut parts: Vec<String> = json::string(card, "name.formatted_name").into_iter().collect();
    for phone in json::list(card, "phones") {
        parts.extend(json::string(phone, "phone").or_else(|| json::string(phone, "wa_id")));
    }
    parts.extend(json::list(card, "emails").iter().filter_map(|mail| json::string(mail, "email")));
    Attachment { note: Some(parts.join(", ")), ..bare(AttachmentKind::Contact) }
}

fn order(order: &Value) -> Content {
    let lines: Vec<_> = json::list(order, "product_items")
        .iter()
        .map(|item| {
            let field = |path: &str| json::id(item, path).unwrap_or_default();
            format!(
                "{} x {} at {} {}",
                field("quantity"),
                field("product_retailer_id"),
                field("item_price"),
                field("currency")
            )
        })
        .collect();
    let share = Attachment { note: Some(lines.join("\n")), ..bare(AttachmentKind::Share) };
    Content { text: json::text(order, "text").unwrap_or_default().to_owned(), ..one(share) }
}

fn interactive(value: &Value) -> Result<Body, String> {
    let word = json::text(value, "type").unwrap_or_default();
    let text = |path: &str| Content::text(json::text(value, path).unwrap_or_default());
    match word {
        "button_reply" => {
            Ok(Body { content: text("button_reply.title"), postback: json::id(value, "button_reply.id") })
        }
        "list_reply" => {
            Ok(Body { content: text("list_reply.title"), postback: json::id(value, "list_reply.id") })
        }
        "nfm_reply" => Ok(Body {
            content: text("nfm_reply.body"),
            postback: json::string(value, "nfm_reply.response_json"),
        }),
        other => Err(format!("an answer of unknown type `{}`", clean(other))),
    }
}

fn unsupported(item: &Value) -> Content {
    let error = json::list(item, "errors").first();
    let text = error.and_then(|error| {
        ["error_data.details", "message", "title"].iter().find_map(|path| json::text(error, path))
    });
    let note = text.map_or_else(|| "WhatsApp does not hand this out".to_owned(), clean);
    one(Attachment { note: Some(note), ..bare(AttachmentKind::Unsupported) })
}
