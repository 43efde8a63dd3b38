//! STOP and its like, in several languages: seen before any rule, whatever the owner.
//!
//! A message counts only when it is nothing but the word, punctuation and case aside. The carriers' own list
//! (channel facts, 6c) has words that are everyday talk elsewhere (*cancel*, *end*, *yes*); those count on SMS only.

/// What the customer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopWord {
    /// Withdraw consent on this identity; cancel every queued message to it that no person typed.
    Stop,
    /// Grant it again.
    Start,
}

/// Stop anywhere. Lower case, without punctuation.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "opt out",
    "optout",
    "opt-out",
    "revoke", // English
    "stopp",
    "abmelden",
    "abbestellen",
    "austragen", // German
    "arret",
    "arrêt",
    "arreter",
    "arrêter",
    "desabonner",
    "désabonner",
    "désinscription", // French
    "baja",
    "parar",
    "cancelar suscripcion",
    "cancelar suscripción",
    "darme de baja", // Spanish
    "sair",
    "descadastrar",
    "cancelar inscrição", // Portuguese
    "annulla iscrizione",
    "disiscrivimi",
    "cancellami", // Italian
    "afmelden",
    "uitschrijven", // Dutch
    "wypisz",
    "rezygnuję",
    "rezygnuje", // Polish
    "odhlásit",
    "odhlasit",   // Czech
    "dezabonare", // Romanian
    "leiratkozás",
    "leiratkozas", // Hungarian
    "avsluta",
    "avregistrera",
    "afmeld",
    "frameld",
    "avmeld",
    "peruuta tilaus", // Nordic
    "стоп",
    "отписване",
    "отпиши",
    "отписаться",
    "отписка",
    "відписатися", // Bulgarian, Russian, Ukrainian
    "στοπ",
    "διαγραφή", // Greek
    "dur",
    "iptal et",
    "abonelikten çik", // Turkish
    "توقف",
    "إيقاف",
    "ايقاف",
    "إلغاء الاشتراك", // Arabic
    "הסר",
    "הסרה", // Hebrew
    "रोकें",
    "बंद करें", // Hindi
    "หยุด",
    "ยกเลิกการสมัคร", // Thai
    "berhenti",
    "dừng",
    "huỷ đăng ký",
    "hủy đăng ký", // Indonesian, Vietnamese
    "停止",
    "配信停止",
    "退订",
    "退訂",
    "取消订阅",
    "取消訂閱",
    "수신거부", // Japanese, Chinese, Korean
];

/// Stop on SMS besides those: the carriers' words.
const STOP_SMS: &[&str] = &["cancel", "end", "quit", "remove", "fin", "cancelar", "alto", "ende", "stop sms"];

/// Start again anywhere.
const START: &[&str] = &[
    "start",
    "unstop",
    "subscribe",
    "resume",
    "старт",
    "abonnieren",
    "anmelden",
    "s'abonner",
    "alta",
    "suscribir",
    "assinar",
    "iscrivimi",
    "aanmelden",
    "abone ol",
    "ابدأ",
    "订阅",
    "訂閱",
    "再開",
];

/// Start again on SMS besides those.
const START_SMS: &[&str] = &["yes"];

/// Longest word of the lists in bytes, with room for punctuation: longer messages are not looked at.
const BYTES_MAX: usize = 120;

/// Reads a message. `sms`: it came over the network `sms`.
pub fn word(text: &str, sms: bool) -> Option<StopWord> {
    let text = text.trim();
    if text.is_empty() || text.len() > BYTES_MAX {
        return None;
    }
    // Marks of Indic and Thai words are no letters: only white space, punctuation and symbols are taken off.
    let noise = |c: char| {
        c.is_whitespace() || c.is_ascii_punctuation() || "。！？、．，…«»“”„‘’¡¿،؟।🛑✋⛔".contains(c)
    };
    // Turkish has two letters i; the lists are written with one.
    let bare = text.trim_matches(noise).to_lowercase().replace('ı', "i").replace('\u{307}', "");
    let bare = bare.split_whitespace().collect::<Vec<_>>().join(" ");
    let among = |everywhere: &[&str], on_sms: &[&str]| {
        everywhere.contains(&bare.as_str()) || (sms && on_sms.contains(&bare.as_str()))
    };
    if among(STOP, STOP_SMS) {
        Some(StopWord::Stop)
    } else if among(START, START_SMS) {
        Some(StopWord::Start)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bare_word_counts() {
        use StopWord::{Start, Stop};
        for (text, sms, expected) in [
            ("STOP", false, Some(Stop)),
            (" Stop! ", false, Some(Stop)),
            ("\"stop\".", true, Some(Stop)),
            ("/stop", false, Some(Stop)),
            ("stop  all", true, Some(Stop)),
            ("СТОП", false, Some(Stop)),
            ("Arrêt.", false, Some(Stop)),
            ("停止。", false, Some(Stop)),
            ("रोकें", false, Some(Stop)),
            ("หยุด", false, Some(Stop)),
            ("İPTAL ET", false, Some(Stop)),
            ("abonelikten çık", false, Some(Stop)),
            ("opt-out", false, Some(Stop)),
            ("please stop", false, None),
            ("stop by tomorrow?", false, None),
            ("cancel", true, Some(Stop)),
            ("cancel", false, None),
            ("Yes", true, Some(Start)),
            ("yes", false, None),
            ("/start", false, Some(Start)),
            ("unstop", true, Some(Start)),
            ("", true, None),
            ("🛑", true, None),
        ] {
            assert_eq!(word(text, sms), expected, "{text} (sms: {sms})");
        }
    }

    #[test]
    fn every_word_of_the_lists_can_be_reached_and_has_one_meaning() {
        for (list, expected) in [(STOP, StopWord::Stop), (START, StopWord::Start)] {
            for entry in list {
                assert_eq!(word(entry, false), Some(expected), "{entry}");
                assert_eq!(word(&entry.to_uppercase(), false), Some(expected), "{entry} in upper case");
            }
        }
        for (list, expected) in [(STOP_SMS, StopWord::Stop), (START_SMS, StopWord::Start)] {
            assert!(
                list.iter().all(|entry| word(entry, true) == Some(expected) && word(entry, false).is_none())
            );
        }
    }
}
