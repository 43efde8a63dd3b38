//! How many segments a text costs: GSM-7 with its extension, else UCS-2 (channel facts, 6b).

/// Characters of the GSM-7 alphabet beyond ASCII; one septet each.
const BASIC: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";

/// ASCII that GSM-7 lacks or holds in its extension.
const NOT_BASIC: &str = "`\\{}[]~^|";

/// Two septets each.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// How a text is written on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 160 septets in one segment, 153 in each of several.
    Gsm7,
    /// 70 UTF-16 units in one segment, 67 in each of several.
    Ucs2,
}

/// Encoding and number of segments; each is billed and paced as one message.
pub fn segments(text: &str) -> (Encoding, usize) {
    let septets = text.chars().map(septets).try_fold(0, |sum, one| Some(sum + one?));
    let (encoding, units, single, several) = match septets {
        Some(units) => (Encoding::Gsm7, units, 160, 153),
        None => (Encoding::Ucs2, text.encode_utf16().count(), 70, 67),
    };
    let count = if units <= single { 1 } else { units.div_ceil(several) };
    (encoding, count)
}

/// Septets of one character; `None` where GSM-7 cannot write it.
fn septets(c: char) -> Option<usize> {
    let ascii = matches!(c, ' '..='~' | '\n' | '\r') && !NOT_BASIC.contains(c);
    if ascii || BASIC.contains(c) {
        return Some(1);
    }
    EXTENDED.contains(c).then_some(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_foreign_character_halves_the_room() {
        assert_eq!(segments(&"a".repeat(160)), (Encoding::Gsm7, 1));
        assert_eq!(segments(&"a".repeat(161)), (Encoding::Gsm7, 2));
        assert_eq!(segments(&"€".repeat(80)), (Encoding::Gsm7, 1));
        assert_eq!(segments(&"€".repeat(81)), (Encoding::Gsm7, 2));
        assert_eq!(segments(&format!("{}\u{2019}", "a".repeat(69))), (Encoding::Ucs2, 1));
        assert_eq!(segments(&format!("{}\u{2019}", "a".repeat(70))), (Encoding::Ucs2, 2));
        assert_eq!(segments(&"👍".repeat(35)), (Encoding::Ucs2, 1));
        assert_eq!(segments(""), (Encoding::Gsm7, 1));
    }
}
