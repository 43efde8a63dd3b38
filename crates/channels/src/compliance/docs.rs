//! `docs/channels/<name>.md`: a head written by hand, and what the data says below it.

use std::path::Path;

use crate::spec::{Settle, Transport};
use crate::table::{Code, Row, Verdict};
use crate::{CHANNELS, Channel};

const BEGIN: &str = "<!-- Below: made from the channel's data. `UPDATE_DOCS=1 cargo test -p everthread-channels` rewrites it. -->";

#[test]
fn pages_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/channels");
    for channel in CHANNELS {
        let path = folder.join(format!("{}.md", channel.spec().name));
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        let head = page.split(BEGIN).next().unwrap_or_default().trim_end();
        assert!(head.lines().count() > 5, "{}: write how to connect it, step by step", path.display());
        let wanted = format!("{head}\n\n{BEGIN}\n\n{}", generated(*channel));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &wanted).expect("written");
        } else {
            assert!(page == wanted, "{}: out of date, run again with UPDATE_DOCS=1", path.display());
        }
    }
}

fn generated(channel: &dyn Channel) -> String {
    let spec = channel.spec();
    let mut text =
        String::from("## Settings and secrets\n\n| name | how | needed | what it is |\n|---|---|---|---|\n");
    for (how, fields) in [("--set", spec.settings), ("--secret", spec.secrets)] {
        for field in fields {
            let needed = if field.required { "yes" } else { "" };
            text.push_str(&format!("| `{}` | `{how}` | {needed} | {} |\n", field.name, field.help));
        }
    }
    text.push_str("\n## What it can do\n\n| | |\n|---|---|\n");
    for (name, value) in capabilities(channel) {
        text.push_str(&format!("| {name} | {value} |\n"));
    }
    text.push_str("\n## What its answers mean\n\nRead from top to bottom; the first row that fits decides. ");
    text.push_str(
        "*Again*: known not executed, tried again. *Uncertain*: nobody knows, settled as said above.\n\n",
    );
    let status = if spec.transport == Transport::Mailbox { "SMTP" } else { "HTTP" };
    text.push_str(&format!(
        "| {status} | code | says | what follows | class | wait | meaning |\n|---|---|---|---|---|---|---|\n",
    ));
    channel.errors().iter().copied().flatten().for_each(|row| text.push_str(&line(row)));
    text
}

fn capabilities(channel: &dyn Channel) -> Vec<(&'static str, String)> {
    let spec = channel.spec();
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    let hours = |span: Option<everthread_core::time::Span>| {
        span.map_or_else(|| "none".to_owned(), |span| format!("{} h", span.as_micros() / 3_600_000_000))
    };
    let limit = |limit: crate::spec::TextLimit| {
        format!("{} {}", limit.max, format!("{:?}", limit.unit).to_lowercase())
    };
    let media = spec.media.iter().map(|(kind, bytes)| match bytes {
        0 => kind.as_str().to_owned(),
        bytes => format!("{} ({} kB)", kind.as_str(), bytes / 1024),
    });
    let settle = match spec.settle {
        Settle::Idempotent => "by sending the same part again; the second is not shown".to_owned(),
        Settle::ByCallback(span) => format!("by what comes back within {} s", span.as_micros() / 1_000_000),
        Settle::Never => "cannot be settled".to_owned(),
    };
    let events = match spec.transport {
        Transport::Webhook => "webhook",
        Transport::WebhookOrPoll => "webhook, or long poll where no public address is set",
        Transport::Mailbox => "IMAP: a standing connection watches the mailbox",
        Transport::Local => "our own page",
    };
    vec![
        ("network", spec.network.to_owned()),
        ("fails together with", spec.fate.join(", ")),
        ("addresses", spec.addresses.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")),
        ("comes in by", events.to_owned()),
        ("events", spec.events.join(", ")),
        ("text", limit(spec.text)),
        ("text beside a file", spec.caption.map_or_else(|| "no: a part of its own".to_owned(), limit)),
        (
            "buttons",
            match spec.buttons.max {
                0 => "none: numbered lines".to_owned(),
                max => format!(
                    "{max}, titles of {} characters, links: {}",
                    spec.buttons.title_chars,
                    yes(spec.buttons.urls)
                ),
            },
        ),
        ("files", media.collect::<Vec<_>>().join(", ")),
        ("replies, reactions, templates", [spec.replies, spec.reactions, spec.templates].map(yes).join(", ")),
        ("receipts: delivered, read", [spec.delivered_receipts, spec.read_receipts].map(yes).join(", ")),
        ("own sends come back", yes(spec.echoes)),
        ("reply window", hours(spec.window)),
        ("reply window for people", hours(spec.human_window)),
        ("uncertain sends", settle),
        (
            "pace of the account",
            format!("{:.4} per s, burst {}", spec.pacing.account.per_s, spec.pacing.account.burst),
        ),
        (
            "pace per customer",
            format!("{:.4} per s, burst {}", spec.pacing.pair.per_s, spec.pacing.pair.burst),
        ),
        (
            "address (`api_base`)",
            if spec.api_base.is_empty() { "none".to_owned() } else { format!("`{}`", spec.api_base) },
        ),
    ]
}

fn line(row: &Row) -> String {
    let http = match row.http {
        (0, 999) => String::new(),
        (from, to) if from == to => from.to_string(),
        (0, to) => format!("up to {to}"),
        (from, to) => format!("{from} to {to}"),
    };
    let code = match row.code {
        Code::Any => String::new(),
        Code::Absent => "none".to_owned(),
        Code::In(codes) => codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Code::Range(from, to) => format!("{from} to {to}"),
    };
    let code = row.subcode.map_or(code.clone(), |sub| format!("{code} / {sub}"));
    let says = if row.transient { "transient".to_owned() } else { row.text.to_owned() };
    let follows = match row.verdict {
        Verdict::Retry(_) => "again",
        Verdict::Refused(_) => "failed",
        Verdict::Uncertain => "uncertain",
        Verdict::Duplicate => "accepted",
    };
    let wait = match row.wait_s {
        0 => String::new(),
        seconds => format!("{seconds} s"),
    };
    let class = row.verdict.class().as_str();
    format!("| {http} | {code} | {says} | {follows} | {class} | {wait} | {} ({}) |\n", row.note, row.see)
}
