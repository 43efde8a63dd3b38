//! Opaque cursors of lists: where the next page begins, by the sort key of the last row.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::error::ApiError;

/// Rows of a page when nobody says how many.
const LIMIT_DEFAULT: u32 = 50;

/// Rows of the largest page; more only make the first paint wait.
const LIMIT_MAX: u32 = 200;

/// `?cursor=&limit=` of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next_cursor` of the page before; leave out for the first.
    pub cursor: Option<String>,
    /// Rows wanted, 1 to 200 (50).
    pub limit: Option<u32>,
}

impl PageQuery {
    /// Where to go on: the sort key and the internal id of the last row of the page before.
    pub fn after(&self) -> Result<Option<(i64, i64)>, ApiError> {
        self.cursor.as_deref().filter(|text| !text.is_empty()).map(decode).transpose()
    }

    /// How many rows, within bounds.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it back as `cursor` for what follows; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of rows that were read with `limit + 1`: the one too many says that there is more.
    pub fn cut<R>(
        mut rows: Vec<R>,
        limit: u32,
        key: impl Fn(&R) -> (i64, i64),
        show: impl Fn(R) -> T,
    ) -> Self {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| more).map(|row| encode(key(row)));
        Self { items: rows.into_iter().map(show).collect(), next_cursor }
    }
}

/// The cursor after a row with this sort key and internal id.
pub fn encode((key, id): (i64, i64)) -> String {
    let mut bytes = [0_u8; 16];
    bytes[..8].copy_from_slice(&key.to_be_bytes());
    bytes[8..].copy_from_slice(&id.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Result<(i64, i64), ApiError> {
    let bytes: [u8; 16] = URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(ApiError::BadCursor)?;
    let (key, id) = bytes.split_at(8);
    let word = |half: &[u8]| half.try_into().map(i64::from_be_bytes).map_err(|_| ApiError::BadCursor);
    Ok((word(key)?, word(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_refused() {
        for pair in [(0, 0), (-5, i64::MAX), (1_764_000_000_000_000, 42)] {
            assert_eq!(decode(&encode(pair)).unwrap(), pair);
        }
        for bad in ["x", "AAAA", "!!!", &"A".repeat(23)] {
            assert_eq!(decode(bad).unwrap_err().code(), "bad_cursor");
        }
    }

    #[test]
    fn only_a_row_too_many_makes_a_cursor() {
        let page = Page::cut(vec![1, 2, 3], 2, |n| (*n, *n), |n| n);
        assert_eq!((page.items, page.next_cursor), (vec![1, 2], Some(encode((2, 2)))));
        let page = Page::cut(vec![1, 2], 2, |n| (*n, *n), |n| n);
        assert_eq!(page.next_cursor, None);
    }
}
