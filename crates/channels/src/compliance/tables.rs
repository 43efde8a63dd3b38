//! Every row of every error table can be reached, and says what it means.

use everthread_core::outcome::Outcome;
use serde_json::json;

use crate::spec::Transport;
use crate::table::{self, Code, FALLBACK, Row, Seen, Verdict};
use crate::{CHANNELS, Channel, WireResponse};

/// Codes to try for a row.
fn codes(row: &Row) -> Vec<Option<i64>> {
    match row.code {
        Code::Any | Code::Absent => vec![None],
        Code::In(codes) => codes.iter().copied().map(Some).collect(),
        Code::Range(from, to) => (from..=to).map(Some).collect(),
    }
}

/// An answer that the row describes.
fn seen(row: &Row, code: Option<i64>, status: u16) -> Seen {
    Seen {
        status,
        code,
        subcode: row.subcode,
        text: row.text.to_owned(),
        transient: row.transient,
        ..Seen::default()
    }
}

fn statuses(row: &Row) -> impl Iterator<Item = u16> {
    let (from, to) = row.http;
    [
        200, 400, 401, 403, 404, 408, 409, 413, 422, 429, 421, 450, 454, 500, 503, 302, 530, 535, 550, 552,
        553, 571,
    ]
    .into_iter()
    .filter(move |s| (from..=to).contains(s))
}

/// Where in all tables the answer leads, as (table, row).
fn place(tables: &[&[Row]], seen: &Seen) -> Option<(usize, usize)> {
    let hit = table::find(tables, seen)?;
    tables.iter().enumerate().find_map(|(t, rows)| rows.iter().position(|row| row == hit).map(|r| (t, r)))
}

#[test]
fn every_own_row_is_reached_by_each_of_its_codes() {
    for channel in CHANNELS {
        let tables = channel.errors();
        for (index, row) in tables[0].iter().enumerate() {
            let all = codes(row);
            let reached = |code: &Option<i64>| {
                statuses(row).any(|s| place(tables, &seen(row, *code, s)) == Some((0, index)))
            };
            match row.code {
                Code::Range(..) => assert!(all.iter().any(reached), "{}: {}", channel.spec().name, row.note),
                _ => all.iter().for_each(|code| {
                    assert!(reached(code), "{}: {code:?} never reaches `{}`", channel.spec().name, row.note);
                }),
            }
            assert!(!row.note.is_empty() && !row.see.is_empty());
        }
    }
}

#[test]
fn every_shared_row_is_reached_on_some_channel() {
    for shared in [crate::meta::messaging::errors::ROWS, crate::meta::errors::ROWS, FALLBACK] {
        for row in shared {
            let reached = CHANNELS.iter().any(|channel| {
                let tables = channel.errors();
                let tried =
                    codes(row).into_iter().flat_map(|code| statuses(row).map(move |status| (code, status)));
                tried.into_iter().any(|(code, status)| {
                    table::find(tables, &seen(row, code, status)).is_some_and(|hit| hit == row)
                })
            });
            assert!(reached, "`{}` is never reached", row.note);
        }
    }
}

/// The provider's body for an answer.
fn body(channel: &dyn Channel, seen: &Seen) -> Vec<u8> {
    let value = match channel.spec().name {
        "email" => {
            let code =
                seen.code.map(|code| format!("{}.{}.{} ", code / 10_000, code / 1_000 % 10, code % 1_000));
            return format!("{}: {}", seen.text, code.unwrap_or_default()).into_bytes();
        }
        "telegram" => {
            json!({"ok": false, "error_code": seen.code.unwrap_or_else(|| i64::from(seen.status)), "description": seen.text})
        }
        "twilio" => match seen.code {
            Some(code) => json!({"code": code, "message": seen.text, "status": seen.status}),
            None => json!({}),
        },
        "webchat" => json!({}),
        _ if seen.code.is_some() || seen.transient => json!({"error": {
            "code": seen.code, "error_subcode": seen.subcode, "message": seen.text, "is_transient": seen.transient,
        }}),
        _ => json!({}),
    };
    value.to_string().into_bytes()
}

#[test]
fn rows_work_from_the_wire() {
    for channel in CHANNELS {
        let tables = channel.errors();
        for row in tables.iter().copied().flatten() {
            for (code, status) in
                codes(row).into_iter().take(20).flat_map(|c| statuses(row).map(move |s| (c, s)))
            {
                let seen = seen(row, code, status);
                let Some(hit) = table::find(tables, &seen) else { continue };
                if hit != row || (row.text.is_empty() && code.is_none() && (200..300).contains(&status)) {
                    continue;
                }
                let body = body(*channel, &seen);
                let outcome = channel.classify(&WireResponse::Answer { status, headers: &[], body: &body });
                let fits = match (row.verdict, &outcome) {
                    (Verdict::Retry(class), Outcome::NotExecuted { class: got, .. })
                    | (Verdict::Refused(class), Outcome::Refused { class: got, .. }) => class == *got,
                    (Verdict::Uncertain, Outcome::Uncertain { .. })
                    | (Verdict::Duplicate, Outcome::Accepted { .. }) => true,
                    // A telegram answer always carries a code: rows for bare statuses may lead further up.
                    _ => row.code == Code::Any && row.text.is_empty() && channel.spec().name == "telegram",
                };
                assert!(fits, "{} {status} {code:?} `{}` gave {outcome:?}", channel.spec().name, row.note);
            }
        }
    }
}

/// The rules that hold on every channel (channel facts, 0.1).
#[test]
fn bare_answers() {
    for channel in CHANNELS.iter().filter(|channel| channel.spec().transport != Transport::Mailbox) {
        let name = channel.spec().name;
        let ask = |status, headers: &[(String, String)], body: &[u8]| {
            channel.classify(&WireResponse::Answer { status, headers, body })
        };
        let wait = ("retry-after".to_owned(), "9".to_owned());
        let Outcome::NotExecuted { wait, .. } = ask(429, &[wait], b"") else { panic!("{name}: 429") };
        assert_eq!(wait, Some(everthread_core::time::Span::secs(9)), "{name}");
        for status in [500, 502, 504] {
            assert!(matches!(ask(status, &[], b"<html>"), Outcome::Uncertain { .. }), "{name}: {status}");
        }
        for body in [&b""[..], b"<html>", b"{", b"[]", b"null", b"{\"ok\":true}", b"{\"messages\":[]}"] {
            assert!(matches!(ask(200, &[], body), Outcome::Uncertain { .. }), "{name}: 200 {body:?}");
        }
        let gone = channel.classify(&WireResponse::NotSent { error: "dns" });
        assert!(matches!(gone, Outcome::NotExecuted { .. }), "{name}");
        let silent = channel.classify(&WireResponse::NoAnswer { error: "reset" });
        assert!(matches!(silent, Outcome::Uncertain { .. }), "{name}");
    }
}

/// The same rules where the answer is a mail server's: only a reply to our mail accepts it.
#[test]
fn bare_replies() {
    let channel = crate::find("email").expect("listed");
    let ask = |status, body: &[u8]| channel.classify(&WireResponse::Answer { status, headers: &[], body });
    for status in [421, 450, 451, 452, 454] {
        assert!(matches!(ask(status, b"at rcpt: later"), Outcome::NotExecuted { .. }), "{status}");
    }
    for status in [500, 530, 535, 550, 552, 554] {
        assert!(matches!(ask(status, b"at rcpt: no"), Outcome::Refused { .. }), "{status}");
    }
    for status in [200, 220, 250, 354] {
        assert!(matches!(ask(status, b"at data: ok"), Outcome::Uncertain { .. }), "{status}");
    }
    let gone = channel.classify(&WireResponse::NotSent { error: "dns" });
    assert!(matches!(gone, Outcome::NotExecuted { .. }));
    let silent = channel.classify(&WireResponse::NoAnswer { error: "reset" });
    assert!(matches!(silent, Outcome::Uncertain { .. }));
}
