//! `application/x-www-form-urlencoded`: query strings and Twilio's bodies.

/// Reads pairs in the order given. Never fails: a broken escape stays as it is, broken UTF-8 is replaced.
pub fn decode(text: &[u8]) -> Vec<(String, String)> {
    text.split(|b| *b == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (name, value) = match piece.iter().position(|b| *b == b'=') {
                Some(at) => (&piece[..at], &piece[at + 1..]),
                None => (piece, &piece[..0]),
            };
            (unescape(name), unescape(value))
        })
        .collect()
}

/// Writes pairs; everything but letters, digits and `-_.~` is escaped.
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(&escape(name));
        text.push('=');
        text.push_str(&escape(value));
    }
    text
}

/// The value of `name`, if the pairs hold one that is not empty.
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
}

/// Escapes one piece for a path or a query.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| tail.get(..2).and_then(hex_byte)).flatten();
        if let Some(value) = escaped {
            out.push(value);
            rest = &tail[2..];
        } else {
            out.push(if byte == b'+' { b' ' } else { byte });
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_byte(two: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    Some((digit(*two.first()?)? * 16 + digit(*two.get(1)?)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_escapes_stay_as_they_are() {
        let pairs = decode(b"a=1+2&b=%F0%9F%91%8D&c=%zz%4&&d");
        let shown: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(shown, [("a", "1 2"), ("b", "👍"), ("c", "%zz%4"), ("d", "")]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(name in "\\PC{1,12}", value in "\\PC{0,40}") {
            let text = encode([(name.as_str(), value.as_str())]);
            proptest::prop_assert_eq!(decode(text.as_bytes()), vec![(name, value)]);
        }
    }
}
