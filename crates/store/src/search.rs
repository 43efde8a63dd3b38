//! Our own tokens for full-text search, the same on both engines.
//!
//! Neither engine's tokeniser can be used: SQLite's leaves Chinese, Japanese and Thai as one long word, and
//! PostgreSQL's depends on the server's configuration. So text becomes words of letters and digits here: lower
//! case, without marks of the Latin, Greek and Cyrillic scripts, and pairs of characters where a script has no
//! spaces. Each token carries its workspace, so that one workspace's words never cost or show up in another's.

use everthread_core::ids::WorkspaceId;

/// Tokens kept per message: beyond this a text is an attachment in disguise.
const TOKENS_MAX: usize = 512;

/// Longest token, in characters; the rest of the word is cut on both sides of a comparison.
const TOKEN_CHARS_MAX: usize = 40;

/// Words looked for at once.
const QUERY_TOKENS_MAX: usize = 16;

/// The tokens of a text, each with its workspace before it, separated by spaces, each once.
pub fn tokens(workspace: WorkspaceId, text: &str) -> String {
    let words = split(text);
    let mut seen = std::collections::HashSet::with_capacity(words.len());
    let mut prefix = String::new();
    push_prefix(&mut prefix, workspace);
    let mut out = String::with_capacity(text.len() + words.len() * (prefix.len() + 1));
    for token in &words {
        if seen.len() >= TOKENS_MAX {
            break;
        }
        if !seen.insert(token) {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&prefix);
        out.push_str(token);
    }
    out
}

/// What a person typed, taken apart: all words must be there, the last one may be the beginning of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The words that the index is asked for; `None` where there are none but short ones.
    pub index: Option<Query>,
    /// Words that are too short for the index: half of all messages may hold such a beginning, and the index would
    /// gather all of them before it gives the newest. They are looked for in the texts of few messages.
    short: Vec<Word>,
}

/// A search of the index as each engine wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// For FTS5 `MATCH`.
    pub lite: String,
    /// For `CAST(?n AS text)::tsquery`.
    pub pg: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// True where it may be the beginning of a longer one.
    begins: bool,
}

impl Word {
    /// One or two letters, or one character of a script that says more with each.
    fn is_short(&self) -> bool {
        let dense = |c: char| unspaced(c) || matches!(c as u32, 0xAC00..=0xD7A3);
        match self.text.chars().count() {
            0 | 1 => true,
            2 => !self.text.chars().any(dense),
            _ => false,
        }
    }

    /// True for a text of these words. A single character of a script without spaces is found inside a pair.
    fn is_in(&self, words: &[String]) -> bool {
        let inside = self.text.chars().all(unspaced);
        words.iter().any(|word| match (inside, self.begins) {
            (true, _) => word.contains(&self.text),
            (false, true) => word.starts_with(&self.text),
            (false, false) => *word == self.text,
        })
    }
}

impl Asked {
    /// True where the index alone gives the answer.
    pub fn is_for_index(&self) -> bool {
        self.index.is_some() && self.short.is_empty()
    }

    /// True where a text holds all the words that the index was not asked for.
    pub fn fits(&self, text: &str) -> bool {
        let words = split(text);
        self.short.iter().all(|word| word.is_in(&words))
    }
}

/// Takes apart what a person typed. `None` where nothing in it can be looked for.
pub fn ask(workspace: WorkspaceId, text: &str) -> Option<Asked> {
    let mut words = split(text);
    words.truncate(QUERY_TOKENS_MAX);
    let last = words.len().checked_sub(1)?;
    // Still being typed, unless a space or a sign follows it.
    let open = text.chars().last().is_some_and(|c| c.is_alphanumeric() && !unspaced(c));
    let words = words.into_iter().enumerate();
    let (short, firm): (Vec<Word>, Vec<Word>) =
        words.map(|(at, text)| Word { text, begins: open && at == last }).partition(Word::is_short);
    let index = (!firm.is_empty()).then(|| index_query(workspace, &firm));
    Some(Asked { index, short })
}

fn index_query(workspace: WorkspaceId, words: &[Word]) -> Query {
    let mut query = Query::default();
    for word in words {
        if !query.lite.is_empty() {
            query.lite.push_str(" AND ");
            query.pg.push_str(" & ");
        }
        let mut token = String::new();
        push_prefix(&mut token, workspace);
        token.push_str(&word.text);
        query.lite.push_str(&format!("\"{token}\"{}", if word.begins { "*" } else { "" }));
        query.pg.push_str(&format!("'{token}'{}", if word.begins { ":*" } else { "" }));
    }
    query
}

/// Lower case without marks: for names that are looked for and sorted.
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter(|c| !is_mark(*c)).map(base).collect()
}

/// A letter for the workspace in front keeps numbers in texts from looking like it.
fn push_prefix(out: &mut String, workspace: WorkspaceId) {
    out.push_str(&format!("w{}x", workspace.0));
}

fn split(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut run: Vec<char> = Vec::new();
    for c in text.chars() {
        // Most of most texts; no table needs to be asked about it.
        if c.is_ascii_alphanumeric() {
            end_run(&mut run, &mut out);
            word.push(c.to_ascii_lowercase());
            continue;
        }
        for c in c.to_lowercase().filter(|c| !is_mark(*c)) {
            if unspaced(c) {
                end_word(&mut word, &mut out);
                run.push(c);
            } else if c.is_alphanumeric() {
                end_run(&mut run, &mut out);
                word.push(base(c));
            } else {
                end_word(&mut word, &mut out);
                end_run(&mut run, &mut out);
            }
        }
        if out.len() >= TOKENS_MAX * 4 {
            break;
        }
    }
    end_word(&mut word, &mut out);
    end_run(&mut run, &mut out);
    out
}

fn end_word(word: &mut String, out: &mut Vec<String>) {
    if !word.is_empty() {
        let mut token = std::mem::take(word);
        if let Some((end, _)) = token.char_indices().nth(TOKEN_CHARS_MAX) {
            token.truncate(end);
        }
        out.push(token);
    }
}

/// Pairs of neighbours; a character alone stays alone.
fn end_run(run: &mut Vec<char>, out: &mut Vec<String>) {
    match run.as_slice() {
        [] => {}
        [one] => out.push(one.to_string()),
        many => out.extend(many.windows(2).map(|pair| pair.iter().collect::<String>())),
    }
    run.clear();
}

/// Scripts written without spaces: Chinese, Japanese, Thai, Lao, Khmer, Burmese. Their vowel signs count as
/// characters, as a word differs by them.
const fn unspaced(c: char) -> bool {
    matches!(c as u32,
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0xFF66..=0xFF9F | 0x20000..=0x3FFFF)
}

/// Marks that fold away: Latin, Greek and Cyrillic accents, Hebrew points, Arabic vowel signs, and the joiners.
const fn is_mark(c: char) -> bool {
    matches!(c as u32,
        0x0300..=0x036F | 0x0483..=0x0487 | 0x0591..=0x05BD | 0x0610..=0x061A | 0x064B..=0x065F | 0x0670
        | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F | 0x0640)
}

/// The letter below an accent, for the precomposed ones of Latin, Greek and Cyrillic. `й` stays: in Cyrillic it
/// is a letter of its own.
const fn base(c: char) -> char {
    match c {
        'à'..='å'
        | 'ā'
        | 'ă'
        | 'ą'
        | 'ǎ'
        | 'ạ'
        | 'ả'
        | 'ấ'
        | 'ầ'
        | 'ẩ'
        | 'ẫ'
        | 'ậ'
        | 'ắ'
        | 'ằ'
        | 'ẳ'
        | 'ẵ'
        | 'ặ' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ' | 'ẻ' | 'ẽ' | 'ế' | 'ề' | 'ể' | 'ễ' | 'ệ' => {
            'e'
        }
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ĥ' | 'ħ' => 'h',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ỉ' | 'ị' => 'i',
        'ĵ' => 'j',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö'
        | 'ø'
        | 'ō'
        | 'ŏ'
        | 'ő'
        | 'ơ'
        | 'ọ'
        | 'ỏ'
        | 'ố'
        | 'ồ'
        | 'ổ'
        | 'ỗ'
        | 'ộ'
        | 'ớ'
        | 'ờ'
        | 'ở'
        | 'ỡ'
        | 'ợ' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ŧ' | 'ț' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ' | 'ủ' | 'ứ' | 'ừ' | 'ử' | 'ữ' | 'ự' => {
            'u'
        }
        'ŵ' => 'w',
        'ý' | 'ÿ' | 'ŷ' | 'ỳ' | 'ỵ' | 'ỷ' | 'ỹ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        'ς' => 'σ',
        'ё' => 'е',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(split(text).join(" "), expect, "{text}");
    }

    /// Golden: a change here needs a rebuild of the stored index.
    #[test]
    fn words_of_many_scripts() {
        check("Crème BRÛLÉE, 2 pcs.", "creme brulee 2 pcs");
        check("Здравейте, колко струва?", "здравейте колко струва");
        check("ещё ёлка, мой", "еще елка мой");
        check("e\u{301}te\u{301}", "ete");
        check("我想要退款", "我想 想要 要退 退款");
        check("請問iPhone有貨嗎", "請問 iphone 有貨 貨嗎");
        check("ราคา", "รา าค คา");
        check("서울 가격", "서울 가격");
        check("Straße 10-A", "straße 10 a");
        check("Μήνυμα", "μηνυμα");
        check("茶", "茶");
        check("!?", "");
    }

    #[test]
    fn a_query_finds_the_beginning_of_its_last_word_only() {
        let found = |text| ask(WorkspaceId(3), text).and_then(|asked| asked.index).unwrap_or_default();
        assert_eq!(found("Blue shoe").lite, "\"w3xblue\" AND \"w3xshoe\"*");
        assert_eq!(found("Blue shoe").pg, "'w3xblue' & 'w3xshoe':*");
        assert_eq!(found("blue ").pg, "'w3xblue'");
        assert_eq!(ask(WorkspaceId(3), " \"'*"), None);
    }

    /// What is asked, what of it the index is asked for, a text that fits, one that does not.
    #[test]
    fn short_words_are_never_looked_up_in_the_index() {
        for (asked, index, fits, not) in [
            ("a", "", "An apple", "Bananas"),
            ("hi", "", "oh, HIGH", "chi"),
            ("hi ", "", "hi there", "high"),
            ("не", "", "нет", "мне"),
            ("50%", "", "at 50 now", "500"),
            ("茶", "", "我要紅茶", "咖啡"),
            ("ร", "", "ราคา", "คาคา"),
            ("가", "", "가격", "서울"),
            ("blue s", "'w3xblue'", "some blue", "blue"),
            ("to buy", "'w3xbuy':*", "to", "tomorrow"),
            ("가격", "'w3x가격':*", "", "!"),
            ("退款", "'w3x退款'", "", "!"),
            ("shoe", "'w3xshoe':*", "", "!"),
        ] {
            let found = ask(WorkspaceId(3), asked).unwrap();
            assert_eq!(found.index.as_ref().map_or("", |query| &query.pg), index, "{asked}");
            assert!(found.fits(fits), "{asked} in {fits}");
            assert!(found.is_for_index() || !found.fits(not), "{asked} in {not}");
        }
    }

    #[test]
    fn workspaces_share_no_token() {
        assert_eq!(tokens(WorkspaceId(1), "hi hi 11"), "w1xhi w1x11");
        assert_ne!(tokens(WorkspaceId(1), "1x1"), tokens(WorkspaceId(11), "x1"));
    }

    proptest::proptest! {
        #[test]
        fn tokens_hold_nothing_that_a_query_language_reads(text in "\\PC{0,80}") {
            for token in split(&text) {
                proptest::prop_assert!(token.chars().all(|c| c.is_alphanumeric() || unspaced(c)), "{token:?}");
            }
        }
    }
}
