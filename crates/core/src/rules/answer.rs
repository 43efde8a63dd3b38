//! Reading what customers answer.

use unicode_segmentation::UnicodeSegmentation;

use super::AnswerKind;

/// The answer in the form to store. `None` where it is of no use and should be asked for again.
pub(super) fn read(kind: AnswerKind, text: &str, calling_code: Option<&str>) -> Option<String> {
    match kind {
        AnswerKind::Text => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        // Customers write sentences around what they were asked for.
        AnswerKind::Phone => text.split(|c| !in_number(c)).find_map(|run| phone(run, calling_code)),
        AnswerKind::Email => text.split_whitespace().find_map(email),
    }
}

fn in_number(c: char) -> bool {
    digit(c).is_some() || is_filler(c) || matches!(c, '+' | '＋')
}

fn is_filler(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '-' | '\u{2010}'..='\u{2013}' | '(' | ')' | '.' | '/')
}

/// A phone number in E.164. Punctuation is ignored, `00` counts as `+`; a number without a country needs
/// `calling_code` (`+359`), and then loses its leading zero. `None` where it is none: 7 to 15 digits.
pub fn phone(text: &str, calling_code: Option<&str>) -> Option<String> {
    let text = text.trim().trim_end_matches(['.', ',', ';', '!', '?']);
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let plus = text.starts_with('+') || text.starts_with('＋');
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '+' | '＋' if digits.is_empty() => {}
            _ if is_filler(c) => {}
            _ => digits.push(char::from_digit(digit(c)?, 10)?),
        }
    }
    let full = if plus {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else {
        let code = calling_code?.trim_start_matches('+');
        format!("{code}{}", digits.strip_prefix('0').unwrap_or(&digits))
    };
    let whole = (7..=15).contains(&full.len()) && !full.starts_with('0');
    whole.then(|| format!("+{full}"))
}

/// A digit of any of the scripts that phones are typed in.
fn digit(c: char) -> Option<u32> {
    const ZEROS: [u32; 5] = [0x30, 0x660, 0x6F0, 0x966, 0xFF10];
    let c = u32::from(c);
    ZEROS.iter().map(|zero| c.wrapping_sub(*zero)).find(|value| *value < 10)
}

/// A mailbox in lower case. `None` where it is none: one `@`, something before it, a domain with a dot after it.
pub fn email(text: &str) -> Option<String> {
    let text =
        text.trim().trim_matches(['<', '>', '(', ')', ',', ';', '"', '\'', '!', '?']).trim_end_matches('.');
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (local, domain) = text.split_once('@')?;
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let good = !local.is_empty()
        && local.len() <= 64
        && text.len() <= 254
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
        && domain.contains('.')
        && domain.split('.').all(label)
        && domain.graphemes(true).count() == domain.chars().count();
    good.then(|| text.to_lowercase())
}
