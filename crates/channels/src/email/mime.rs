//! Writes a mail: the same bytes for the same part, every time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Characters in one line of an encoded body or word.
const LINE: usize = 76;

/// A mail under way: headers, then a body.
#[derive(Default)]
pub(super) struct Mail {
    head: String,
}

impl Mail {
    /// A header whose value is ASCII without line ends; anything else is left out of it.
    pub(super) fn header(&mut self, name: &str, value: &str) {
        let value: String = value.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
        self.head.push_str(&format!("{name}: {value}\r\n"));
    }

    /// A header of free text, as encoded words where it is more than ASCII.
    pub(super) fn text_header(&mut self, name: &str, value: &str) {
        self.head.push_str(&format!("{name}: {}\r\n", words(value)));
    }

    /// An address with the name beside it.
    pub(super) fn mailbox(&mut self, name: &str, shown: Option<&str>, address: &str) {
        let address: String = address.chars().filter(|c| !c.is_control()).collect();
        let shown = match shown {
            Some(shown) if shown.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ') => {
                format!("{shown} ")
            }
            Some(shown) if shown.is_ascii() => {
                let safe: String =
                    shown.chars().filter(|c| !c.is_control() && !"\"\\".contains(*c)).collect();
                format!("\"{safe}\" ")
            }
            Some(shown) => format!("{} ", words(shown)),
            None => String::new(),
        };
        self.head.push_str(&format!("{name}: {shown}<{address}>\r\n"));
    }

    /// Message-IDs, one in a line.
    pub(super) fn ids(&mut self, name: &str, ids: &[&str]) {
        let safe =
            |id: &&&str| id.is_ascii() && !id.contains(['<', '>', ' ']) && !id.contains(char::is_control);
        let ids: Vec<String> = ids.iter().filter(safe).map(|id| format!("<{id}>")).collect();
        if !ids.is_empty() {
            self.head.push_str(&format!("{name}: {}\r\n", ids.join("\r\n ")));
        }
    }

    /// The whole mail: text, the same as HTML, and a file.
    pub(super) fn finish(mut self, text: &str, file: Option<&File<'_>>, mark: &str) -> Vec<u8> {
        self.header("MIME-Version", "1.0");
        let inner = format!("=_{mark}_a");
        let bodies = format!(
            "--{inner}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n\
             --{inner}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n\
             --{inner}--\r\n",
            quoted_printable(text),
            quoted_printable(&html(text)),
        );
        let alternative = format!("multipart/alternative; boundary=\"{inner}\"");
        let Some(file) = file else {
            self.header("Content-Type", &alternative);
            return format!("{}\r\n{bodies}", self.head).into_bytes();
        };
        let outer = format!("=_{mark}_m");
        self.header("Content-Type", &format!("multipart/mixed; boundary=\"{outer}\""));
        let mut whole = format!("{}\r\n", self.head);
        if !text.is_empty() {
            whole.push_str(&format!("--{outer}\r\nContent-Type: {alternative}\r\n\r\n{bodies}"));
        }
        whole.push_str(&format!("--{outer}\r\n"));
        whole.push_str(&file.head());
        // Three bytes make four characters: each line is encoded by itself.
        for line in file.bytes.chunks(LINE / 4 * 3) {
            STANDARD.encode_string(line, &mut whole);
            whole.push_str("\r\n");
        }
        whole.push_str(&format!("--{outer}--\r\n"));
        whole.into_bytes()
    }
}

/// A file to attach.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) mime: &'a str,
    pub(super) bytes: &'a [u8],
}

impl File<'_> {
    fn head(&self) -> String {
        let token = |c: char| c.is_ascii_alphanumeric() || "/+-._".contains(c);
        let mime = if self.mime.contains('/') && self.mime.chars().all(token) {
            self.mime
        } else {
            "application/octet-stream"
        };
        let name: String = self.name.chars().filter(|c| !c.is_control()).take(150).collect();
        let name = if name.chars().all(|c| c.is_ascii() && !"\"\\".contains(c)) {
            format!("filename=\"{name}\"")
        } else {
            // RFC 2231: percent-encoded UTF-8.
            format!("filename*=utf-8''{}", crate::form::escape(&name).replace('~', "%7E"))
        };
        format!(
            "Content-Type: {mime}\r\nContent-Disposition: attachment;\r\n {name}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )
    }
}

/// Free text of a header; encoded words (RFC 2047) where it is not plain.
fn words(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_ascii() && text.len() <= 200 && !text.contains("=?") {
        return text;
    }
    let mut words: Vec<String> = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        // 45 bytes make 60 characters of base64: with the frame less than the 75 of RFC 2047.
        if piece.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    words.push(piece);
    let framed: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    framed.join("\r\n ")
}

/// RFC 2045, 6.7, with line ends as CRLF.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (number, line) in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).enumerate() {
        if number > 0 {
            out.push_str("\r\n");
        }
        let mut width = 0;
        for (at, byte) in line.bytes().enumerate() {
            let last = at + 1 == line.len();
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !last);
            let need = if plain { 1 } else { 3 };
            if width + need >= LINE {
                out.push_str("=\r\n");
                width = 0;
            }
            // A dot alone in a line is for SMTP to double; encoded it needs no such care.
            if plain && !(byte == b'.' && width == 0) {
                out.push(char::from(byte));
                width += 1;
            } else {
                out.push_str(&format!("={byte:02X}"));
                width += 3;
            }
        }
    }
    out
}

/// The text as a simple page: paragraphs, line breaks, links.
fn html(text: &str) -> String {
    let mut page = String::from("<!DOCTYPE html><html><body>");
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let lines: Vec<String> = paragraph.lines().map(linked).collect();
        page.push_str(&format!("<p>{}</p>\n", lines.join("<br>\n")));
    }
    page.push_str("</body></html>");
    page
}

fn linked(line: &str) -> String {
    let mut out = String::new();
    for (number, word) in line.split(' ').enumerate() {
        if number > 0 {
            out.push(' ');
        }
        let url = word.trim_end_matches(['.', ',', ')', '!', '?', ';', ':']);
        if url.starts_with("https://") || url.starts_with("http://") {
            let (safe, tail) = (escape(url), escape(&word[url.len()..]));
            out.push_str(&format!("<a href=\"{safe}\">{safe}</a>{tail}"));
        } else {
            out.push_str(&escape(word));
        }
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is written is read back as it was, by a reader that we did not write.
        #[test]
        fn written_and_read_again(
            subject in "[ -~สวัสดี😀é]{0,120}",
            text in "([ -~]|\n|สวัสดี|😀|=|\\.){1,200}",
            name in "[ -~ไทยé]{1,40}",
            bytes in prop::collection::vec(any::<u8>(), 1..300),
        ) {
            let mut mail = Mail::default();
            mail.text_header("Subject", &subject);
            mail.mailbox("From", Some("Shop, Größe"), "shop@example.com");
            let file = File { name: &name, mime: "application/pdf", bytes: &bytes };
            let written = mail.finish(&text, Some(&file), "m");
            prop_assert!(written.is_ascii());
            prop_assert!(written.split(|b| *b == b'\n').all(|line| line.len() <= 998));
            let read = MessageParser::default().parse(&written).expect("a mail");
            let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(squeezed(read.subject().unwrap_or_default()), squeezed(&subject));
            let body = read.body_text(0).unwrap_or_default().replace("\r\n", "\n");
            prop_assert_eq!(body.trim_end_matches('\n'), text.trim_end_matches('\n'));
            let attached = read.attachment(0).expect("a file");
            prop_assert_eq!(attached.contents(), &bytes[..]);
            prop_assert_eq!(attached.attachment_name().unwrap_or_default().trim(), name.trim());
        }
    }

    #[test]
    fn nothing_breaks_out_of_a_header() {
        let mut mail = Mail::default();
        mail.text_header("Subject", "a\r\nBcc: evil@example.com");
        mail.mailbox("From", Some("x\"\r\nBcc: a@b"), "shop@example.com");
        mail.ids("References", &["ok@x", "a>\r\nBcc: b", "b c"]);
        let text = String::from_utf8(mail.finish("hi", None, "m")).expect("ASCII");
        assert!(!text.contains("\r\nBcc"), "{text}");
        assert!(text.contains("References: <ok@x>\r\n"), "{text}");
    }

    #[test]
    fn the_page_shows_what_the_text_says() {
        assert_eq!(
            html("a <b>\nsee https://x.example/?a=1&b=2.\n\nc"),
            "<!DOCTYPE html><html><body><p>a &lt;b&gt;<br>\nsee <a href=\"https://x.example/?a=1&amp;b=2\">\
             https://x.example/?a=1&amp;b=2</a>.</p>\n<p>c</p>\n</body></html>"
        );
    }
}
