//! Length of text in a channel's own unit, and splitting that never cuts a grapheme.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// What a channel counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes of UTF-8 (Instagram).
    Bytes,
    /// Unicode scalar values.
    Chars,
    /// UTF-16 code units (Telegram, Twilio's UCS-2).
    Utf16,
}

impl Unit {
    /// Length of `text` in this unit.
    pub fn len(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// What mail programs put before the subject of an answer or a forwarded message, in lower case.
const SUBJECT_MARKS: &[&str] = &[
    "re",
    "aw",
    "sv",
    "vs",
    "ref",
    "rif",
    "res",
    "antw",
    "odp",
    "ynt",
    "vá",
    "atb",
    "\u{391}\u{3c0}",
    "tr",
    "fw",
    "fwd",
    "wg",
    "rv",
    "enc",
    "i",
    "doorst",
    "vb",
    "回复",
    "答复",
    "返信",
    "回覆",
    "转发",
    "轉寄",
];

/// The subject without the marks of answers and forwards (`Re: AW: [2]`), for comparing and for writing it anew.
pub fn bare_subject(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((head, tail)) = rest.split_once([':', '：']) {
        let mark = head.split('[').next().unwrap_or_default().trim().to_lowercase();
        if !SUBJECT_MARKS.contains(&mark.as_str()) {
            break;
        }
        rest = tail.trim_start();
    }
    rest
}

/// Splits `text` into pieces of at most `max` units, at a line or word boundary where one is in the second
/// half of the piece, never inside a grapheme. One grapheme longer than `max` (which no channel's limit allows in
/// practice) is a piece of its own: the provider then refuses it, and it is not mangled.
pub fn split(text: &str, max: usize, unit: Unit) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while unit.len(rest) > max {
        let cut = cut_at(rest, max, unit);
        let (piece, tail) = rest.split_at(cut);
        pieces.push(piece.trim_end().to_owned());
        rest = tail.trim_start();
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces.retain(|piece| !piece.is_empty() || text.is_empty());
    pieces
}

/// Byte position of the best cut: the last line break, else word boundary, in the second half of what fits.
fn cut_at(text: &str, max: usize, unit: Unit) -> usize {
    let (mut used, mut hard, mut word, mut line) = (0, 0, None, None);
    for (at, grapheme) in text.grapheme_indices(true) {
        used += unit.len(grapheme);
        let blank = grapheme.chars().all(char::is_whitespace);
        if used > max && hard > 0 {
            if blank {
                word = Some(hard);
            }
            break;
        }
        hard = at + grapheme.len();
        if used * 2 >= max && blank {
            if grapheme.contains('\n') {
                line = Some(hard);
            } else {
                word = Some(hard);
            }
        }
    }
    line.or(word).unwrap_or(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_answers_are_not_the_subject() {
        for (subject, bare) in [
            ("Re: Order 12", "Order 12"),
            ("AW: RE[2]: Order 12 ", "Order 12"),
            ("回复：订单", "订单"),
            ("Fwd: Re:", ""),
            ("Size: M", "Size: M"),
            ("", ""),
        ] {
            assert_eq!(bare_subject(subject), bare, "{subject}");
        }
    }

    #[test]
    fn splits_at_words_then_graphemes() {
        assert_eq!(split("aaa bbb ccc", 7, Unit::Chars), ["aaa bbb", "ccc"]);
        assert_eq!(split("abcdef", 3, Unit::Chars), ["abc", "def"]);
        assert_eq!(split("", 3, Unit::Chars), [""]);
        assert_eq!(split("👨‍👩‍👧👨‍👩‍👧", 18, Unit::Bytes), ["👨‍👩‍👧", "👨‍👩‍👧"]);
    }

    #[test]
    fn thai_text_of_1500_characters_fits_1000_bytes_each() {
        let thai = "สวัสดีครับ".repeat(150);
        let pieces = split(&thai, 1000, Unit::Bytes);
        assert!(pieces.iter().all(|p| p.len() <= 1000));
        assert_eq!(pieces.concat(), thai);
        for piece in &pieces {
            let first = piece.chars().next().map(u32::from).unwrap_or_default();
            assert!(
                !(0x0E31..=0x0E3A).contains(&first) && !(0x0E47..=0x0E4E).contains(&first),
                "cut before a mark"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn pieces_fit_and_lose_only_white_space(text in "\\PC{0,200}", max in 20_usize..60) {
            let pieces = split(&text, max, Unit::Utf16);
            let squeeze = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(squeeze(&pieces.concat()), squeeze(&text));
        }
    }
}
