//! Keys of events that an earlier version stored as plain hashes become keyed ones.

use everthread_core::dedupe::{KeySecret, PLAIN_BYTES};
use everthread_core::ids::AccountId;

use super::SetCursor;
use crate::{Db, Result, Unit, Val, sql, vals};

/// Name of the cursor that stands in the store once no plain hash is left.
pub const KEYED: &str = "event_keys.keyed";

/// Looks at `limit` keys behind `after` and replaces the plain ones. Run it until it has no `next`, before any event is
/// applied: until then an old event would be taken for a new one.
#[derive(Clone, Debug)]
pub struct KeyEvents {
    pub secret: KeySecret,
    pub after: (AccountId, Vec<u8>),
    pub limit: u32,
}

/// What one unit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyedEvents {
    pub replaced: u64,
    /// Where the next unit goes on; `None` at the end, which is noted under [`KEYED`].
    pub next: Option<(AccountId, Vec<u8>)>,
}

impl Unit for KeyEvents {
    type Out = KeyedEvents;

    async fn run<D: Db>(&self, db: &mut D) -> Result<KeyedEvents> {
        let rows: Vec<(AccountId, Vec<u8>)> = db
            .rows(
                sql!(
                    "SELECT account_id, hash FROM event_keys WHERE (account_id, hash) > (?1, ?2) \
                     ORDER BY account_id, hash LIMIT ?3"
                ),
                &vals![self.after.0, self.after.1.as_slice(), i64::from(self.limit)],
            )
            .await?;
        let plain = rows.iter().filter_map(|(account, hash)| {
            let hash: &[u8; PLAIN_BYTES] = hash.as_slice().try_into().ok()?;
            Some((*account, hash, self.secret.stored(*account, hash)))
        });
        let plain: Vec<_> = plain.collect();
        let old: Vec<[Val<'_>; 2]> = plain.iter().map(|(account, hash, _)| vals![*account, *hash]).collect();
        let new: Vec<[Val<'_>; 2]> = plain.iter().map(|(account, _, hash)| vals![*account, hash]).collect();
        db.exec_all(sql!("DELETE FROM event_keys WHERE account_id = ?1 AND hash = ?2"), &old).await?;
        db.exec_all(
            sql!("INSERT INTO event_keys (account_id, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING"),
            &new,
        )
        .await?;
        let replaced = plain.len() as u64;
        if rows.len() as u64 >= u64::from(self.limit) {
            return Ok(KeyedEvents { replaced, next: rows.into_iter().next_back() });
        }
        SetCursor { name: KEYED.to_owned(), value: "all".to_owned() }.run(db).await?;
        Ok(KeyedEvents { replaced, next: None })
    }
}
