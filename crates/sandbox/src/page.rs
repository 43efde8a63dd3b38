//! Just enough of a browser for a page with one form.

/// A form as it would be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// The whole address that it goes to; of the page's own host.
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
    /// `name=value` of each cookie.
    pub(crate) cookies: Vec<String>,
}

/// The first continuation link (`.../c/<token>`) in a text.
pub(crate) fn link_in(text: &str) -> Option<&str> {
    text.split_whitespace()
        .map(|word| {
            let word = word.trim_matches(|c: char| matches!(c, '(' | ')' | '<' | '>' | '"' | '[' | ']'));
            word.trim_end_matches(['.', ',', ';', '!', '?', ':', '。'])
        })
        .find(|word| {
            let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
            rest.is_some_and(|rest| rest.split_once("/c/").is_some_and(|(_, token)| token.len() > 1))
        })
}

/// Scheme and host of an address.
pub(crate) fn origin(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    Some(&url[..end])
}

/// The first form of a page that is sent by POST to the page's own host.
pub(crate) fn first_form(page_url: &str, html: &str) -> Option<Form> {
    let start = find(html, "<form", 0)?;
    let end = find(html, "</form", start).unwrap_or(html.len());
    let tag = tag_at(html, start);
    if !attribute(tag, "method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
        return None;
    }
    let home = origin(page_url)?;
    let action = match attribute(tag, "action").filter(|action| !action.is_empty()) {
        None => page_url.to_owned(),
        Some(path) if path.starts_with('/') && !path.starts_with("//") => format!("{home}{path}"),
        Some(whole) if origin(&whole) == Some(home) => whole,
        Some(_) => return None,
    };
    let mut fields = Vec::new();
    let mut at = start;
    while let Some(next) = find(html, "<input", at).filter(|next| *next < end) {
        let tag = tag_at(html, next);
        if let Some(name) = attribute(tag, "name") {
            fields.push((name, attribute(tag, "value").unwrap_or_default()));
        }
        at = next + 1;
    }
    Some(Form { action, fields, cookies: Vec::new() })
}

fn find(html: &str, what: &str, from: usize) -> Option<usize> {
    let (html, what) = (html.as_bytes(), what.as_bytes());
    (from..=html.len().checked_sub(what.len())?)
        .find(|at| html[*at..*at + what.len()].eq_ignore_ascii_case(what))
}

fn tag_at(html: &str, start: usize) -> &str {
    let end = html[start..].find('>').map_or(html.len(), |at| start + at);
    &html[start..end]
}

/// The value of a tag's attribute.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut at = 0;
    loop {
        let found = find(tag, name, at)?;
        at = found + name.len();
        let before = tag[..found].chars().next_back();
        let rest = tag[at..].trim_start();
        let Some(value) = rest.strip_prefix('=').filter(|_| before.is_some_and(char::is_whitespace)) else {
            continue;
        };
        let value = value.trim_start();
        let quoted = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let text = match quoted {
            Some(quote) => value[1..].split(quote).next(),
            None => value.split([' ', '\t', '\n', '/']).next(),
        };
        return text.map(unescape);
    }
}

fn unescape(text: &str) -> String {
    let known =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    known.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_what_people_are_sent() {
        for (text, want) in [
            ("We go on here: https://a.example/c/tok_1.", Some("https://a.example/c/tok_1")),
            ("(http://127.0.0.1:8080/c/x2?l=en)", Some("http://127.0.0.1:8080/c/x2?l=en")),
            ("see https://a.example/catalogue", None),
            ("ftp://a.example/c/tok", None),
            ("https://a.example/c/", None),
        ] {
            assert_eq!(link_in(text), want, "{text}");
        }
    }

    #[test]
    fn forms_are_read_like_a_browser_does() {
        let page = "http://h:1/c/tok";
        let form = |html: &str| first_form(page, html).map(|form| (form.action, form.fields));
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(form("<form method=post><button>Go</button></form>"), Some((page.to_owned(), vec![])));
        assert_eq!(
            form(
                "<FORM class='x' action=\"/c/tok/open\" METHOD=\"POST\"><input type=hidden name='a' value=\"1 &amp; 2\"></FORM><input name=b>"
            ),
            Some(("http://h:1/c/tok/open".to_owned(), vec![field("a", "1 & 2")]))
        );
        for bad in [
            "",
            "<form action='/x'>",
            "<form method=post action='https://evil.example/x'>",
            "<form method=post action='//evil.example'>",
        ] {
            assert_eq!(form(bad), None, "{bad}");
        }
    }
}
