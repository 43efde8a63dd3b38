//! Rows as lines of JSON, as CSV, as a sheet.

use std::io::Write;

use rust_xlsxwriter::{Workbook, XlsxError};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

/// One exported row: a value for each column of its [`super::What`], in that order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

/// Rows of one sheet; Excel itself ends at 1,048,576.
const SHEET_ROWS_MAX: u32 = 1_000_000;

/// Characters of one cell; Excel itself ends at 32,767.
const CELL_CHARS_MAX: usize = 32_000;

/// A row beside its column names, as one JSON object in column order.
struct Object<'a>(&'a [&'static str], &'a [Value]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0.iter().zip(self.1) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes each row as one line of JSON.
pub(super) fn jsonl(out: &mut impl Write, columns: &[&'static str], rows: &[Row]) -> std::io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, &Object(columns, &row.0))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Writes the column names as the first line of CSV.
pub(super) fn csv_head(out: &mut impl Write, columns: &[&'static str]) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns)?;
    writer.flush()
}

/// Writes each row as one record of CSV (RFC 4180). Lists and maps are JSON in one cell. A text that a spreadsheet
/// would take for a formula gets an apostrophe in front.
pub(super) fn csv_rows(out: &mut impl Write, rows: &[Row]) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for row in rows {
        writer.write_record(row.0.iter().map(|value| harmless(plain(value))))?;
    }
    writer.flush()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err() {
        return format!("'{cell}");
    }
    // A number stays a number unless it was written with a plus sign: `+49 30` and `+4930` are both text.
    if cell.starts_with('+') { format!("'{cell}") } else { cell }
}

/// A workbook that grows on disk: memory holds one row.
pub(super) struct Sheet {
    book: Workbook,
    columns: &'static [&'static str],
    title: &'static str,
    sheets: u32,
    row: u32,
}

impl Sheet {
    /// An empty workbook with the column names in its first row.
    pub(super) fn new(title: &'static str, columns: &'static [&'static str]) -> Result<Self, XlsxError> {
        let mut sheet = Self { book: Workbook::new(), columns, title, sheets: 0, row: 0 };
        sheet.next_sheet()?;
        Ok(sheet)
    }

    /// Adds rows below; begins another sheet when one is full.
    pub(super) fn push(&mut self, rows: &[Row]) -> Result<(), XlsxError> {
        for row in rows {
            if self.row >= SHEET_ROWS_MAX {
                self.next_sheet()?;
            }
            let at = self.row;
            let last = self.book.worksheets().len() - 1;
            let sheet = self.book.worksheet_from_index(last)?;
            for (column, value) in (0_u16..).zip(&row.0) {
                match value {
                    Value::Null => {}
                    Value::Bool(truth) => drop(sheet.write_boolean(at, column, *truth)?),
                    Value::Number(number) if number.as_f64().is_some_and(|n| n.abs() < 1e15) => {
                        sheet.write_number(at, column, number.as_f64().unwrap_or_default())?;
                    }
                    other => drop(sheet.write_string(at, column, cut(plain(other)))?),
                }
            }
            self.row += 1;
        }
        Ok(())
    }

    /// Writes the workbook.
    pub(super) fn finish(mut self, file: impl Write + Send) -> Result<(), XlsxError> {
        self.book.save_to_writer(file)
    }

    fn next_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        let name =
            if self.sheets == 1 { self.title.to_owned() } else { format!("{} {}", self.title, self.sheets) };
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        for (column, title) in (0_u16..).zip(self.columns) {
            sheet.write_string(0, column, *title)?;
        }
        self.row = 1;
        Ok(())
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(CELL_CHARS_MAX) {
        Some((at, _)) => format!("{} [cut]", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[&str] = &["z", "a", "n"];

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_lines_keep_the_order_of_columns() {
        let rows = [Row(vec![json!("x"), json!([1]), json!(null)])];
        let text = written(|out| jsonl(out, COLUMNS, &rows).unwrap());
        assert_eq!(text, "{\"z\":\"x\",\"a\":[1],\"n\":null}\n");
    }

    #[test]
    fn csv_never_hands_a_formula_to_a_spreadsheet() {
        let rows = [
            Row(vec![json!("=1+1"), json!("@x"), json!("-cmd")]),
            Row(vec![json!("+4930"), json!(-5), json!("a,\"b\"")]),
            Row(vec![json!("\t=1"), json!({"k": 1}), json!(null)]),
        ];
        let text = written(|out| csv_rows(out, &rows).unwrap());
        assert_eq!(text, "'=1+1,'@x,'-cmd\n'+4930,-5,\"a,\"\"b\"\"\"\n'\t=1,\"{\"\"k\"\":1}\",\n");
    }

    #[test]
    fn a_workbook_is_a_zip_of_sheets() {
        let mut sheet = Sheet::new("messages", COLUMNS).unwrap();
        sheet.push(&[Row(vec![json!("=1"), json!(3), json!("x".repeat(40_000))])]).unwrap();
        let mut file = std::io::Cursor::new(Vec::new());
        sheet.finish(&mut file).unwrap();
        assert_eq!(&file.into_inner()[..4], b"PK\x03\x04");
    }
}
