//! Cuts the quoted history and the signature off an answer. Only where it is certain: what stands between quoted
//! lines, and a mail that would be empty without its quote, stay whole.

/// Words with which mail programs end the line above a quote ("On Monday Pat wrote:"), in lower case.
const WROTE: [&str; 30] = [
    "wrote",
    "schrieb",
    "geschrieben",
    "a écrit",
    "escribió",
    "ha scritto",
    "scritto",
    "escreveu",
    "schreef",
    "skrev",
    "kirjoitti",
    "napisał",
    "napisał(a)",
    "napsal",
    "napísal",
    "írta",
    "yazdı",
    "şunu yazdı",
    "написал",
    "написав",
    "пише",
    "пишет",
    "έγραψε",
    "เขียนว่า",
    "เขียน",
    "写道",
    "寫道",
    "のメール",
    "さんは書きました",
    "đã viết",
];

/// Lines that a copied message begins with, in lower case without dashes.
const ORIGINAL: [&str; 16] = [
    "original message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "message d'origine",
    "message original",
    "mensaje original",
    "messaggio originale",
    "mensagem original",
    "oorspronkelijk bericht",
    "ursprungligt meddelande",
    "original besked",
    "wiadomość oryginalna",
    "исходное сообщение",
    "ข้อความต้นฉบับ",
    "原始邮件",
    "元のメッセージ",
];

/// Lines of a message that was passed on: nothing below them is history.
const FORWARDED: [&str; 10] = [
    "forwarded message",
    "begin forwarded message",
    "weitergeleitete nachricht",
    "anfang der weitergeleiteten",
    "message transféré",
    "mensaje reenviado",
    "messaggio inoltrato",
    "doorgestuurd bericht",
    "пересылаемое сообщение",
    "转发的邮件",
];

/// Names of header lines as Outlook copies them, by what they mean, in lower case.
const LABELS: [&[&str]; 4] = [
    &[
        "from",
        "von",
        "de",
        "da",
        "van",
        "från",
        "fra",
        "od",
        "от",
        "отправитель",
        "จาก",
        "差出人",
        "发件人",
        "寄件者",
        "lähettäjä",
        "kimden",
    ],
    &[
        "sent",
        "date",
        "gesendet",
        "datum",
        "envoyé",
        "enviado",
        "fecha",
        "inviato",
        "data",
        "verzonden",
        "skickat",
        "sendt",
        "dato",
        "wysłano",
        "отправлено",
        "дата",
        "ส่ง",
        "วันที่",
        "送信日時",
        "日時",
        "发送时间",
        "日期",
        "lähetetty",
        "gönderildi",
        "enviada em",
    ],
    &[
        "to",
        "an",
        "à",
        "para",
        "a",
        "aan",
        "till",
        "til",
        "do",
        "кому",
        "ถึง",
        "宛先",
        "收件人",
        "vastaanottaja",
        "kime",
    ],
    &[
        "subject",
        "betreff",
        "objet",
        "asunto",
        "oggetto",
        "assunto",
        "onderwerp",
        "ämne",
        "emne",
        "temat",
        "тема",
        "เรื่อง",
        "件名",
        "主题",
        "主旨",
        "aihe",
        "konu",
    ],
];

/// Lines that the line above a quote may be broken into.
const ABOVE_LINES_MAX: usize = 4;

/// The text that the sender wrote now.
pub(super) fn cut(text: &str, is_answer: bool) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let passed_on = lines.iter().any(|line| is_among(line, &FORWARDED));
    let end = if passed_on { None } else { history(&lines, is_answer) };
    let kept = &lines[..end.unwrap_or(lines.len())];
    let said = without_signature(kept, text);
    let said = if said.trim().is_empty() { text.to_owned() } else { said };
    tidy(&said)
}

/// The line at which the history begins; `None` where there is none that can be told.
fn history(lines: &[&str], is_answer: bool) -> Option<usize> {
    let found = (0..lines.len()).find(|at| begins(lines, *at, is_answer))?;
    let blank_before = lines[..found].iter().all(|line| line.trim().is_empty());
    (!blank_before).then_some(found)
}

fn begins(lines: &[&str], at: usize, is_answer: bool) -> bool {
    let line = lines[at].trim();
    if line.is_empty() {
        return false;
    }
    if line.starts_with('>') {
        return only_quoted(&lines[at..]);
    }
    if let Some(next) = above_a_quote(lines, at) {
        let rest = &lines[next..];
        let quoted = rest.iter().map(|line| line.trim()).find(|line| !line.is_empty());
        return match quoted {
            Some(first) if first.starts_with('>') => only_quoted(rest),
            // Without marks the rest may be anything; programs that answer above the quote leave it like this.
            _ => is_answer,
        };
    }
    is_answer && (is_among(line, &ORIGINAL) || is_copied_head(lines, at))
}

/// True where nothing but quoted lines, empty ones and a signature is left.
fn only_quoted(rest: &[&str]) -> bool {
    let end = rest.iter().position(|line| *line == "--").unwrap_or(rest.len());
    let mut open = true;
    rest[..end].iter().all(|line| {
        let line = line.trim();
        let quoted = line.starts_with('>');
        // A long quoted line is wrapped by some programs: its rest stands alone, without a mark.
        let fits = quoted || line.is_empty() || (!open && line.len() < 20);
        open = !quoted;
        fits
    })
}

/// The line after "On ... wrote:", where that begins here.
fn above_a_quote(lines: &[&str], at: usize) -> Option<usize> {
    let mut joined = String::new();
    for (count, line) in lines[at..].iter().take(ABOVE_LINES_MAX).enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('>') {
            return None;
        }
        joined.push_str(&line.to_lowercase());
        joined.push(' ');
        if let Some(head) = joined.trim_end().strip_suffix([':', '：']) {
            let head = head.trim_end();
            let says = WROTE.iter().any(|word| {
                head.ends_with(word)
                    || head.contains(&format!("{word} "))
                    || head.contains(&format!("{word}("))
            });
            let dated = head.chars().any(char::is_numeric) || head.contains('@');
            return (says && dated && joined.len() < 400).then_some(at + count + 1);
        }
    }
    None
}

fn is_among(line: &str, known: &[&str]) -> bool {
    let marked = line.trim_start_matches('>').trim();
    let bare = marked.trim_matches(|c: char| "-_=*: ".contains(c)).to_lowercase();
    let ruled = marked.starts_with("--") || marked.starts_with("__") || marked.ends_with(':');
    ruled && known.iter().any(|text| bare.starts_with(text))
}

/// At least three of from, sent, to and subject in lines that follow each other (a rule may stand above them).
fn is_copied_head(lines: &[&str], at: usize) -> bool {
    let is_rule = |line: &str| line.len() >= 5 && line.chars().all(|c| c == '_' || c == '-');
    let rest = if is_rule(lines[at].trim()) { &lines[at + 1..] } else { &lines[at..] };
    let mut seen = [false; 4];
    let mut first = true;
    for line in rest.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).take(6) {
        let label =
            line.split([':', '：']).next().unwrap_or_default().trim_matches(['*', ' ']).to_lowercase();
        let which = LABELS.iter().position(|words| words.contains(&label.as_str()));
        if first && which != Some(0) {
            return false;
        }
        first = false;
        if let Some(which) = which {
            seen[which] = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= 3
}

/// A signature is certain below the line of two dashes and a space (RFC 3676, 4.3).
fn without_signature(lines: &[&str], text: &str) -> String {
    let marked = text.lines().any(|line| line == "-- ");
    let end = lines.iter().rposition(|line| marked && *line == "--").unwrap_or(lines.len());
    lines[..end].join("\n")
}

/// No more than one empty line in a row, none at the ends.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_lose_their_history() {
        for text in [
            "Yes.\n\nOn Mon, Jan 5, 2026 at 10:00 AM Shop <shop@example.com> wrote:\n\n> Size?\n> M or L\n",
            "Yes.\n\nOn Mon, Jan 5, 2026 at 10:00 AM Shop of a very long name\n<shop@example.com> wrote:\n> Size?\n",
            "Yes.\n\nAm 05.01.2026 um 10:00 schrieb Shop:\n> Größe?\n",
            "Yes.\n\nLe lun. 5 janv. 2026 à 10:00, Shop <s@x.example> a écrit :\n\n> Taille ?\n",
            "Yes.\n\nEl lun, 5 ene 2026 a las 10:00, Shop (<s@x.example>) escribió:\n\n> Talla\n",
            "Yes.\n\nIl giorno lun 5 gen 2026 alle ore 10:00 Shop <s@x.example> ha\nscritto:\n\n> Taglia\n",
            "Yes.\n\nOp ma 5 jan 2026 om 10:00 schreef Shop <s@x.example>:\n\n> Maat?\n",
            "Yes.\n\nпн, 5 янв. 2026 г. в 10:00, Shop <s@x.example> написал:\n\n> Размер?\n",
            "Yes.\n\nเมื่อ จ. 5 ม.ค. 2026 เวลา 10:00 Shop <s@x.example> เขียนว่า:\n\n> ไซส์\n",
            "Yes.\n\nShop <s@x.example> 于2026年1月5日周一 10:00写道：\n\n> 尺码\n",
            "Yes.\n\n2026年1月5日(月) 10:00 Shop <s@x.example>のメール:\n\n> サイズ\n",
            "Yes.\n\n-----Original Message-----\nFrom: Shop\nSent: Monday\nTo: Pat\nSubject: Size\n\nSize?\n",
            "Yes.\n\n________________________________\nVon: Shop <s@x.example>\nGesendet: Montag, 5. Januar 2026 10:00\nAn: Pat\nBetreff: Größe\n\nGröße?\n",
            "Yes.\n\nDe : Shop\nEnvoyé : lundi 5 janvier 2026\nÀ : Pat\nObjet : Taille\n\nTaille ?\n",
            "Yes.\n\n> quoted without a head\n> at all\n",
            "Yes.\n-- \nPat\nTel. 1\n\nOn 2026-01-05, Shop wrote:\n> Size?\n",
            "Yes.\n\nOn 2026-01-05, Shop wrote:\n> Size?\n\n-- \nPat\n",
        ] {
            assert_eq!(cut(text, true), "Yes.", "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_stays() {
        for text in [
            "> Size?\nM\n> Colour?\nRed",
            "On Monday 5 I wrote:\n\nA letter to you.",
            "---------- Forwarded message ---------\nFrom: Shop\nDate: Monday\nSubject: Size\nTo: Pat\n\nSize?",
            "Look:\n\n---------- Forwarded message ---------\nFrom: Shop\nDate: Monday\nSubject: Size\nTo: Pat\n\nSize?",
            "Below:\n\nOn 2026-01-05, Shop wrote:\n> Size?\n\nM, and please hurry, my daughter's birthday is near",
            "From: here\nto there, and back",
        ] {
            assert_eq!(cut(text, true), text, "{text}");
        }
        let new = "Hi\n\nFrom: me\nSent: now\nTo: you\nSubject: a list";
        assert_eq!(cut(new, false), new, "a first mail quotes nobody");
        assert_eq!(cut("> all quoted\n", true), "> all quoted");
        assert_eq!(
            cut("Hi\n\n\n\n\nthere\r\n--\nnot a signature", false),
            "Hi\n\nthere\n--\nnot a signature"
        );
    }
}
