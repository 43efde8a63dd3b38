//! Bounds of what people type into names and fields.

use std::collections::BTreeMap;

use super::error::ApiError;

/// Characters of a name: of a contact, an account, a rule, a label.
const NAME_CHARS_MAX: usize = 200;

/// Characters of a field's name and bytes of its value.
const FIELD_MAX: (usize, usize) = (64, 4_096);

/// A name without blanks around it. Fails when it is empty or too long, or holds control characters.
pub fn short(field: &'static str, text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let invalid = |detail: &str| Err(ApiError::Invalid { field, detail: detail.to_owned() });
    if text.is_empty() {
        return invalid("may not be empty");
    }
    if text.chars().count() > NAME_CHARS_MAX {
        return invalid("at most 200 characters");
    }
    if text.chars().any(char::is_control) {
        return invalid("may not hold control characters");
    }
    Ok(text.to_owned())
}

/// Checks names and values of fields.
pub fn check(fields: &BTreeMap<String, Option<String>>) -> Result<(), ApiError> {
    for (name, value) in fields {
        if name.is_empty() || name.chars().count() > FIELD_MAX.0 || name.chars().any(char::is_control) {
            let detail = "a field's name has 1 to 64 characters".to_owned();
            return Err(ApiError::Invalid { field: "fields", detail });
        }
        if value.as_ref().is_some_and(|value| value.len() > FIELD_MAX.1) {
            let detail = format!("`{name}` is longer than 4096 bytes");
            return Err(ApiError::Invalid { field: "fields", detail });
        }
    }
    Ok(())
}

/// As the store's units take them: an empty value takes a field away.
pub fn emptied(fields: BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    fields.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(short("name", " Ann ").unwrap(), "Ann");
        for bad in ["", "  ", "a\nb", &"x".repeat(201)] {
            assert_eq!(short("name", bad).unwrap_err().code(), "invalid", "{bad:?}");
        }
    }
}
