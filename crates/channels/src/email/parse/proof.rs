//! Whether our own provider attests the sender (RFC 8601; channel facts, 8a).

use mail_parser::Message;

use crate::email::domain;

/// True where the topmost `Authentication-Results` is of our provider and says that DMARC passed, or that SPF and
/// DKIM both passed for the sender's domain. Without a configured provider nothing is attested: anybody can write
/// such a header.
pub(super) fn is_attested(mail: &Message<'_>, authserv: Option<&str>, sender: &str) -> bool {
    let Some(authserv) = authserv else { return false };
    let first = mail.headers_raw().find(|(name, _)| name.eq_ignore_ascii_case("Authentication-Results"));
    let Some((_, said)) = first else { return false };
    let said = without_comments(said).to_lowercase();
    let mut clauses = said.split(';').map(str::trim);
    let who = clauses.next().and_then(|id| id.split_whitespace().next()).unwrap_or_default();
    if who != authserv.trim().to_lowercase() {
        return false;
    }
    let results: Vec<&str> = clauses.collect();
    let passed = |method: &'static str| {
        results.iter().copied().filter(move |clause| clause.split_whitespace().next() == Some(method))
    };
    let from = domain(sender);
    if passed("dmarc=pass").any(|clause| value(clause, "header.from").is_none_or(|said| said == from)) {
        return true;
    }
    let spf = passed("spf=pass").any(|clause| {
        value(clause, "smtp.mailfrom")
            .is_some_and(|said| aligned(said.rsplit('@').next().unwrap_or(said), from))
    });
    let dkim = passed("dkim=pass").any(|clause| {
        let signer = value(clause, "header.d")
            .or_else(|| value(clause, "header.i").and_then(|i| i.rsplit('@').next()));
        signer.is_some_and(|said| aligned(said, from))
    });
    spf && dkim
}

fn value<'a>(clause: &'a str, name: &str) -> Option<&'a str> {
    clause.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The same domain, or one below the other.
fn aligned(said: &str, from: &str) -> bool {
    let below = |sub: &str, top: &str| {
        top.contains('.') && sub.strip_suffix(top).is_some_and(|rest| rest.ends_with('.'))
    };
    !from.is_empty() && (said == from || below(said, from) || below(from, said))
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|c| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' if depth > 0 => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    #[test]
    fn only_our_provider_attests() {
        let case = |header: &str| {
            let text = format!("{header}From: pat@shop.example\r\n\r\nhi\r\n");
            let mail = MessageParser::default().parse(&text).expect("a mail");
            is_attested(&mail, Some("mx.ours.example"), "pat@shop.example")
        };
        for (said, good) in [
            ("mx.ours.example; dmarc=pass header.from=shop.example", true),
            ("MX.ours.example 1; spf=fail; dmarc=pass (p=none) header.from=shop.example", true),
            ("mx.ours.example; dmarc=pass header.from=other.example", false),
            ("mx.ours.example; dmarc=fail header.from=shop.example", false),
            ("mx.evil.example; dmarc=pass header.from=shop.example", false),
            ("mx.ours.example (dmarc=pass); dmarc=none", false),
            (
                "mx.ours.example; spf=pass smtp.mailfrom=a@shop.example; dkim=pass header.d=mail.shop.example",
                true,
            ),
            ("mx.ours.example; spf=pass smtp.mailfrom=a@shop.example; dkim=pass header.d=example", false),
            (
                "mx.ours.example; spf=pass smtp.mailfrom=a@evil.example; dkim=pass header.d=shop.example",
                false,
            ),
            ("mx.ours.example; spf=pass smtp.mailfrom=a@shop.example", false),
        ] {
            assert_eq!(case(&format!("Authentication-Results: {said}\r\n")), good, "{said}");
        }
        assert!(!case(""));
        let forged = "Authentication-Results: mx.ours.example; dmarc=fail\r\n\
                      Authentication-Results: mx.ours.example; dmarc=pass header.from=shop.example\r\n";
        assert!(!case(forged), "only the topmost is our provider's");
    }
}
