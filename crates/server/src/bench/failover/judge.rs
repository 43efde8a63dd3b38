//! The hub's rows against the platforms' books.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use everthread_core::time::Timestamp;
use everthread_store::read::continuity::{IncidentPlans, Incidents};
use serde_json::Value;

use super::scene::{asks, opts_in};
use crate::admin::{Admin, Failure};
use crate::bench::bodies::Mark;
use crate::cli::Place;

/// Plans read at a time.
const PLANS: u32 = 1_000;

/// What one comparison showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    /// Conversations with an answer on the backup.
    pub(super) carried: u64,
    /// Conversations not carried of which an answer waits, or has ended meanwhile, with a reason.
    pub(super) held: u64,
    /// Messages on the backup to somebody who never allowed it.
    pub(super) without_consent: u64,
    /// Answers that no book holds and no row ends with a reason or holds.
    pub(super) lost: u64,
    /// Answers that the books hold more than once.
    pub(super) doubled: u64,
    /// Customers with answers of one platform in another order than asked for.
    pub(super) reordered: u64,
    /// Answers that are back with their author or cancelled, each with a reason.
    pub(super) ended: u64,
    /// Answers that wait.
    pub(super) waiting: u64,
    /// Parts of ours that a platform accepted, by our rows and by the books.
    pub(super) accepted: u64,
    pub(super) booked: u64,
    pub(super) first_at: Option<Timestamp>,
    pub(super) last_at: Option<Timestamp>,
}

fn mark(text: &Value) -> Option<Mark> {
    Mark::find(text.as_str()?.as_bytes())
}

/// Compares.
pub(super) fn judge(customers: u32, rows: &[Value], instagram: &[Value], sms: &[Value]) -> Judged {
    let mut out = Judged { booked: (instagram.len() + sms.len()) as u64, ..Judged::default() };
    let mut copies: BTreeMap<Mark, u64> = BTreeMap::new();
    for book in [instagram, sms] {
        let mut last: BTreeMap<u32, u32> = BTreeMap::new();
        for mark in book.iter().filter_map(|message| mark(&message["text"])) {
            *copies.entry(mark).or_default() += 1;
            let before = last.insert(mark.contact, mark.nth);
            out.reordered += u64::from(before.is_some_and(|nth| nth > mark.nth));
        }
    }
    out.doubled = copies.values().filter(|n| **n > 1).count() as u64;
    let carried: BTreeSet<u32> =
        sms.iter().filter_map(|message| mark(&message["text"])).map(|mark| mark.contact).collect();
    out.carried = carried.len() as u64;
    out.without_consent = sms.iter().filter(|message| !consented(message)).count() as u64;
    let times = sms.iter().filter_map(|m| m["at_ms"].as_i64()).map(Timestamp::from_millis);
    (out.first_at, out.last_at) = (times.clone().min(), times.max());
    let mut accounted: BTreeSet<Mark> = copies.into_keys().collect();
    let mut held = BTreeSet::new();
    for row in rows.iter().filter(|row| row["direction"] == "out") {
        let parts = row["parts"].as_array().into_iter().flatten();
        out.accepted += parts.filter(|part| part["provider_id"].is_string()).count() as u64;
        let Some(mark) = mark(&row["text"]) else { continue };
        let reason = row["problem"].is_string();
        match row["state"].as_str().unwrap_or_default() {
            "queued" | "held" | "sending" | "uncertain" => {
                out.waiting += 1;
                accounted.insert(mark);
                if reason {
                    held.insert(mark.contact);
                }
            }
            "cancelled" | "failed" | "returned" if reason => {
                out.ended += 1;
                accounted.insert(mark);
                held.insert(mark.contact);
            }
            _ => {}
        }
    }
    out.held = held.difference(&carried).count() as u64;
    let wanted = (0..customers).flat_map(|contact| (0..asks(contact)).map(move |nth| Mark { contact, nth }));
    out.lost = wanted.filter(|mark| !accounted.contains(mark)).count() as u64;
    out
}

/// Whether the customer of a message on the backup allowed going on there.
fn consented(message: &Value) -> bool {
    let key = message["customer"].as_str().unwrap_or_default();
    key.strip_prefix('p').and_then(|number| number.parse().ok()).is_some_and(opts_in)
}

/// When the last plan that carried somebody was made, from the folder of a hub that has ended.
pub(super) async fn plans(data: &Path) -> Result<Option<Timestamp>, Failure> {
    let place = Place { data: Some(data.to_owned()), database_url: None, config: None };
    let config = crate::config::load(&place, None).map_err(Failure::from_display)?;
    let admin = Admin::open(&config).await?;
    let workspace = admin.workspace(None)?.id;
    let incidents = Incidents { open_only: false, before: None, limit: 100 };
    let mut last = None;
    for incident in admin.store.read(incidents).await.map_err(Failure::from_display)? {
        let mut after = None;
        loop {
            let state = "done".to_owned();
            let unit = IncidentPlans { workspace, incident: incident.id, state, after, limit: PLANS };
            let rows = admin.store.read(unit).await.map_err(Failure::from_display)?;
            last = rows.iter().map(|row| row.at).max().max(last);
            match rows.last() {
                Some(row) if rows.len() as u32 == PLANS => after = Some(row.uid),
                _ => break,
            }
        }
    }
    Ok(last)
}
