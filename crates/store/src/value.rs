//! Values going into statements and cells coming out of rows.

use std::borrow::Cow;

use everthread_core::ids::Uid;
use everthread_core::time::{Span, Timestamp};
use uuid::Uuid;

use crate::{Error, Result};

/// A value bound to a placeholder. Borrows text and bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Val<'a> {
    /// SQL NULL, of whatever type the place has.
    Null,
    Int(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
    /// A 16-byte blob.
    Uid(Uid),
}

/// Text as both engines keep it: PostgreSQL has no NUL in text (its documentation, 8.3), so each becomes U+FFFD.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// What can be read from one cell.
pub trait FromCell: Sized {
    /// Reads the cell. `Err` where it holds something else.
    fn from_cell(cell: Cell<'_>) -> Result<Self>;
}

/// A row of either engine.
#[derive(Clone, Copy)]
pub enum Row<'a> {
    Lite(&'a rusqlite::Row<'a>),
    Pg(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The value in column `index`, counted from 0.
    pub fn get<T: FromCell>(&self, index: usize) -> Result<T> {
        let wrong = |error: &dyn std::fmt::Display| Error::Defect(format!("column {index}: {error}"));
        match self {
            Self::Lite(row) => {
                use rusqlite::types::ValueRef;
                let cell = match row.get_ref(index).map_err(|e| wrong(&e))? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(n) => Cell::Int(n),
                    ValueRef::Real(x) => Cell::Real(x),
                    ValueRef::Text(t) => Cell::Text(std::str::from_utf8(t).map_err(|e| wrong(&e))?),
                    ValueRef::Blob(b) => Cell::Blob(b),
                };
                T::from_cell(cell).map_err(|e| wrong(&e))
            }
            Self::Pg(row) => {
                let cell: crate::postgres::PgCell<'_> = row.try_get(index).map_err(|e| wrong(&e))?;
                T::from_cell(cell.0).map_err(|e| wrong(&e))
            }
        }
    }
}

/// What can be read from one row, by position.
pub trait FromRow: Sized + Send {
    /// Reads the row.
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

macro_rules! from_row_tuples {
    ($($($name:ident $index:tt),+;)+) => {$(
        impl<$($name: FromCell + Send),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self> {
                Ok(($(row.get::<$name>($index)?,)+))
            }
        }
    )+};
}

from_row_tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

/// Declares a struct whose fields are read from a row's columns in this order.
#[macro_export]
macro_rules! row_struct {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* $fvis:vis $field:ident: $ty:ty,)+ }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$fmeta])* $fvis $field: $ty,)+ }

        impl $crate::FromRow for $name {
            fn from_row(row: &$crate::Row<'_>) -> $crate::Result<Self> {
                let mut at = 0_usize;
                $(let $field = row.get::<$ty>(at)?; at += 1;)+
                let _ = at;
                Ok(Self { $($field,)+ })
            }
        }
    };
}

/// `vals![a, b]`: an array of [`Val`] from anything that converts.
#[macro_export]
macro_rules! vals {
    ($($value:expr),* $(,)?) => { [$($crate::Val::from($value)),*] };
}

fn wrong<T>(want: &str, cell: Cell<'_>) -> Result<T> {
    let got = match cell {
        Cell::Null => "null",
        Cell::Int(_) => "an integer",
        Cell::Real(_) => "a real",
        Cell::Text(_) => "text",
        Cell::Blob(_) => "bytes",
    };
    Err(Error::Defect(format!("expected {want}, found {got}")))
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        if cell == Cell::Null { Ok(None) } else { T::from_cell(cell).map(Some) }
    }
}

impl FromCell for i64 {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        if let Cell::Int(n) = cell { Ok(n) } else { wrong("an integer", cell) }
    }
}

macro_rules! from_cell_ints {
    ($($ty:ty: |$n:ident| $widen:expr),+ $(,)?) => {$(
        impl FromCell for $ty {
            fn from_cell(cell: Cell<'_>) -> Result<Self> {
                let n = i64::from_cell(cell)?;
                Self::try_from(n).map_err(|_| Error::Defect(format!("{n} is out of range")))
            }
        }
        impl From<$ty> for Val<'_> {
            fn from($n: $ty) -> Self {
                Self::Int($widen)
            }
        }
    )+};
}

from_cell_ints!(
    u8: |n| i64::from(n),
    u16: |n| i64::from(n),
    u32: |n| i64::from(n),
    i32: |n| i64::from(n),
    u64: |n| n as i64,
    usize: |n| n as i64,
);

impl FromCell for bool {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        Ok(i64::from_cell(cell)? != 0)
    }
}

impl FromCell for f64 {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        if let Cell::Real(x) = cell { Ok(x) } else { wrong("a real", cell) }
    }
}

impl FromCell for String {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        if let Cell::Text(t) = cell { Ok(t.to_owned()) } else { wrong("text", cell) }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        if let Cell::Blob(b) = cell { Ok(b.to_vec()) } else { wrong("bytes", cell) }
    }
}

impl FromCell for Uid {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        match cell {
            Cell::Blob(b) if b.len() == 16 => {
                Uuid::from_slice(b).map(Self).or_else(|_| wrong("a public id", cell))
            }
            _ => wrong("a public id", cell),
        }
    }
}

impl FromCell for Timestamp {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        i64::from_cell(cell).map(Self::from_micros)
    }
}

macro_rules! from_vals {
    ($($ty:ty => |$v:ident| $make:expr;)+) => {$(
        impl<'a> From<$ty> for Val<'a> {
            fn from($v: $ty) -> Self { $make }
        }
    )+};
}

from_vals! {
    i64 => |n| Val::Int(n);
    bool => |b| Val::Int(i64::from(b));
    f64 => |x| Val::Real(x);
    &'a str => |t| Val::Text(t);
    &'a String => |t| Val::Text(t);
    &'a [u8] => |b| Val::Blob(b);
    &'a Vec<u8> => |b| Val::Blob(b);
    &'a [u8; 16] => |b| Val::Blob(b);
    &'a [u8; 17] => |b| Val::Blob(b);
    &'a [u8; 32] => |b| Val::Blob(b);
    Uid => |u| Val::Uid(u);
    Timestamp => |t| Val::Int(t.micros());
    Span => |s| Val::Int(s.as_micros());
}

impl<'a, T> From<Option<T>> for Val<'a>
where
    Val<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Val::Null, Val::from)
    }
}

macro_rules! ids {
    ($($ty:ident),+) => {$(
        impl FromCell for everthread_core::ids::$ty {
            fn from_cell(cell: Cell<'_>) -> Result<Self> {
                i64::from_cell(cell).map(Self)
            }
        }
        impl From<everthread_core::ids::$ty> for Val<'_> {
            fn from(id: everthread_core::ids::$ty) -> Self {
                Self::Int(id.0)
            }
        }
    )+};
}

ids!(
    WorkspaceId,
    UserId,
    EndpointId,
    AccountId,
    ContactId,
    IdentityId,
    ConversationId,
    MessageId,
    PartId,
    AttemptId,
    MediaId,
    LeadId,
    RuleId,
    ProblemId,
    IncidentId,
    PlanId
);

macro_rules! stable_words {
    ($($ty:path),+ $(,)?) => {$(
        impl FromCell for $ty {
            fn from_cell(cell: Cell<'_>) -> Result<Self> {
                let Cell::Text(word) = cell else { return wrong("a word", cell) };
                <$ty>::parse(word)
                    .ok_or_else(|| Error::Defect(format!("unknown {} {word:?}", stringify!($ty))))
            }
        }
        impl From<$ty> for Val<'_> {
            fn from(word: $ty) -> Self {
                Self::Text(word.as_str())
            }
        }
    )+};
}

stable_words!(
    everthread_core::state::State,
    everthread_core::state::Direction,
    everthread_core::state::Class,
    everthread_core::state::Status,
    everthread_core::state::OwnerKind,
    everthread_core::state::Proof,
    everthread_core::event::AddressKind,
);
