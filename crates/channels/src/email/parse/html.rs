//! HTML reduced to plain text: nothing of the markup is left, so nothing of it can run or load.

use super::is_invisible;

/// What is left of a page.
pub(super) struct Reduced {
    pub(super) text: String,
    /// Where in the text the quoted history begins, by the marks that mail programs leave in their HTML.
    pub(super) quoted_at: Option<usize>,
}

/// Elements whose content is never shown.
const HIDDEN: [&str; 6] = ["script", "style", "head", "title", "template", "noscript"];

/// Elements that stand on lines of their own.
const BLOCKS: [&str; 22] = [
    "p",
    "div",
    "tr",
    "li",
    "ul",
    "ol",
    "table",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "hr",
    "section",
    "article",
    "header",
    "footer",
    "dt",
    "dd",
];

/// Marks of quoted history inside a tag, in lower case without spaces: Gmail, Yahoo, Apple and Thunderbird, Outlook.
const QUOTES: [&str; 9] = [
    "gmail_quote",
    "yahoo_quoted",
    "moz-cite-prefix",
    "type=\"cite\"",
    "divrplyfwdmsg",
    "appendonsend",
    "olk_src_body_section",
    "border-top:solid#e1e1e11.0pt",
    "border-top:solid#b5c4df1.0pt",
];

/// Reduces a page. Never fails: broken markup gives the text that can be told from it.
pub(super) fn reduce(markup: &str) -> Reduced {
    let mut out = Writer::default();
    let mut rest = markup;
    let mut hidden: Option<&str> = None;
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix("<!--") {
            rest = tail.split_once("-->").map_or("", |(_, tail)| tail);
        } else if let Some((tag, tail)) = tag(rest) {
            rest = tail;
            let (name, closing) = name_of(tag);
            match hidden {
                Some(open) if closing && name == open => hidden = None,
                Some(_) => {}
                None => hidden = out.tag(tag, &name, closing),
            }
        } else {
            let end = rest[1.min(rest.len())..].find('<').map_or(rest.len(), |at| at + 1);
            let end = if rest.starts_with('<') { end } else { rest.find('<').unwrap_or(rest.len()) };
            let end = (end..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
            if hidden.is_none() {
                out.text(&rest[..end]);
            }
            rest = &rest[end..];
        }
    }
    Reduced { quoted_at: out.quoted_at, text: out.text }
}

/// A tag at the beginning of the text, without its brackets, and what follows. A `<` before anything else is text.
fn tag(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let begins = inner.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins && !inner.starts_with(['!', '?']) {
        return None;
    }
    let mut quote = None;
    for (at, c) in inner.char_indices() {
        match (quote, c) {
            (None, '>') => return Some((&inner[..at], &inner[at + 1..])),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    // Never closed: a stray quote, or the end of the mail.
    inner.split_once('>').or(Some((inner, "")))
}

fn name_of(tag: &str) -> (String, bool) {
    let closing = tag.starts_with('/');
    let name =
        tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    (name.to_ascii_lowercase(), closing)
}

/// An attribute's value.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let lower = tag.to_ascii_lowercase();
    let at = lower.find(&format!(" {name}=")).or_else(|| lower.find(&format!("\n{name}=")))?;
    let value = tag[at + name.len() + 2..].trim_start();
    match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next(),
        _ => value.split([' ', '\n', '\t']).next(),
    }
}

#[derive(Default)]
struct Writer {
    text: String,
    quoted_at: Option<usize>,
    /// A space is owed before the next word.
    space: bool,
    /// Where the open link leads, and where its text began.
    link: Option<(String, usize)>,
    /// Inside how many `pre`.
    pre: u32,
}

impl Writer {
    /// The name of the element to skip, where this tag opens one.
    fn tag(&mut self, tag: &str, name: &str, closing: bool) -> Option<&'static str> {
        if !closing && self.quoted_at.is_none() && name != "body" {
            let marks: String = tag.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
            if QUOTES.iter().any(|mark| marks.contains(mark)) {
                self.line();
                self.quoted_at = Some(self.text.len());
            }
        }
        match name {
            "br" => self.text.push('\n'),
            "a" if closing => self.close_link(),
            "a" => {
                let to = attribute(tag, "href")
                    .filter(|to| to.starts_with("http://") || to.starts_with("https://"));
                self.link = to.map(|to| (to.replace("&amp;", "&"), self.text.len()));
            }
            "td" | "th" if closing => self.space = true,
            "img" => {}
            _ if BLOCKS.contains(&name) => {
                self.line();
                match name {
                    "p" | "h1" | "h2" | "h3" if closing => self.text.push('\n'),
                    "li" if !closing => self.text.push_str("- "),
                    "pre" => self.pre = if closing { self.pre.saturating_sub(1) } else { self.pre + 1 },
                    _ => {}
                }
            }
            _ => {}
        }
        HIDDEN.into_iter().find(|hidden| !closing && !tag.ends_with('/') && *hidden == name)
    }

    /// Where the text of a link does not say where it leads, it is written behind it.
    fn close_link(&mut self) {
        let Some((to, from)) = self.link.take() else { return };
        let said = self.text.get(from..).unwrap_or_default().trim();
        let bare = to.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        if !said.is_empty() && !said.contains(bare) && to.len() <= 500 {
            self.text.push_str(&format!(" ({to})"));
        }
    }

    /// Begins a new line unless one has just begun.
    fn line(&mut self) {
        self.space = false;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn text(&mut self, raw: &str) {
        for c in entities(raw).chars() {
            // Newsletters fill their preview line with these two.
            let filler = matches!(c, '\u{200c}' | '\u{34f}');
            if filler || is_invisible(c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                continue;
            }
            if self.pre > 0 && c == '\n' {
                self.text.push('\n');
            } else if c.is_whitespace() {
                self.space = true;
            } else {
                if self.space && !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
                    self.text.push(' ');
                }
                self.space = false;
                self.text.push(c);
            }
        }
    }
}

/// Character references: numbers, and names by the parser's table.
fn entities(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(32).position(|b| b == b';');
        let name = end.map(|end| &rest[..=end]).filter(|name| {
            name.len() > 2 && name[1..name.len() - 1].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
        });
        match name {
            Some(name) => {
                mail_parser::decoders::html::add_html_token(&mut out, name.as_bytes(), false);
                rest = &rest[name.len()..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_markup_is_left() {
        for (markup, text) in [
            ("<p>Hello&nbsp;<b>world</b></p><p>a &lt;b&gt; &amp; c</p>", "Hello world\n\na <b> & c\n\n"),
            ("one<br>two<BR/>three", "one\ntwo\nthree"),
            ("<script>alert('<p>x</p>')</script><style>p{}</style>hi", "hi"),
            ("<head><title>t</title></head>hi<!-- <p>no</p> -->!", "hi!"),
            ("<div>a</div><div>b</div>", "a\nb\n"),
            ("<ul><li>one</li><li>two</li></ul>", "- one\n- two\n"),
            ("<a href=\"https://x.example/?a=1&amp;b=2\">here</a>", "here (https://x.example/?a=1&b=2)"),
            ("<a href='https://x.example/'>x.example</a>", "x.example"),
            ("<a href=\"javascript:alert(1)\">here</a>", "here"),
            ("<img src=x onerror=alert(1)>5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
            ("<p title=\"a>b\">c</p>", "c\n\n"),
            ("<p class=\"never closed", ""),
            ("a<", "a<"),
            ("<", "<"),
            ("&#128512;&#x41;&bogus;&", "😀A&bogus;&"),
            ("<pre>a\n  b</pre>", "a\nb\n"),
            ("<svg><script/>x</svg>", "x"),
        ] {
            assert_eq!(reduce(markup).text, text, "{markup}");
        }
    }

    #[test]
    fn quoted_history_is_found_by_its_marks() {
        for markup in [
            "yes<div class=\"gmail_quote\">On Monday</div>",
            "yes<blockquote type=\"cite\">old</blockquote>",
            "yes<div id=\"divRplyFwdMsg\">From</div>",
            "yes<div style='border:none;border-top:solid #E1E1E1 1.0pt'>From</div>",
        ] {
            let reduced = reduce(markup);
            let at = reduced.quoted_at.expect("a mark");
            assert_eq!(reduced.text[..at].trim(), "yes", "{markup}");
        }
        assert_eq!(reduce("<blockquote>said</blockquote>").quoted_at, None);
    }
}
