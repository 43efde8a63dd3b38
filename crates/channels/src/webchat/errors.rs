//! What this provider's answers mean.

use crate::table::Row;

/// Rows of this channel alone, most particular first.
pub const ROWS: &[Row] = &[];
