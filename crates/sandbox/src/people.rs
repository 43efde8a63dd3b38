//! The simulated customers: the same people on every platform, each platform knowing them by its own ids.

use serde::Serialize;

use crate::Config;
use crate::account::{AccountView, Platform};
use crate::rng::{Rng, hash};
use crate::script::{LANGUAGES, Mind};

/// A person, whatever the platform.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Person {
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) username: String,
    /// Telegram's `language_code`, and the language they write in.
    pub(crate) language: &'static str,
    pub(crate) country: &'static str,
    pub(crate) phone: String,
    pub(crate) email: String,
    /// Gives neither number nor address when asked.
    pub(crate) private: bool,
}

/// Latin spelling of first names that need one, for handles and addresses.
struct Names {
    language: &'static str,
    country: &'static str,
    first: &'static [(&'static str, &'static str)],
    last: &'static [&'static str],
}

const NAMES: &[Names] = &[
    Names {
        language: "en",
        country: "GB",
        first: &[
            ("Olivia", "olivia"),
            ("Jack", "jack"),
            ("Amelia", "amelia"),
            ("Priya", "priya"),
            ("Callum", "callum"),
        ],
        last: &["Hughes", "Okafor", "Wright", "Patel", "Murray"],
    },
    Names {
        language: "es",
        country: "ES",
        first: &[("Lucía", "lucia"), ("Íñigo", "inigo"), ("Begoña", "begona"), ("Mateo", "mateo")],
        last: &["Núñez", "Etxeberria", "Romero", "Vidal"],
    },
    Names {
        language: "fr",
        country: "FR",
        first: &[("Chloé", "chloe"), ("Anaïs", "anais"), ("Théo", "theo"), ("Maël", "mael")],
        last: &["Lefèvre", "Benoît", "Moreau", "Garçon"],
    },
    Names {
        language: "de",
        country: "DE",
        first: &[("Jürgen", "juergen"), ("Käthe", "kaethe"), ("Leonie", "leonie"), ("Emre", "emre")],
        last: &["Groß", "Müller", "Schäfer", "Yılmaz"],
    },
    Names {
        language: "pt",
        country: "BR",
        first: &[("João", "joao"), ("Conceição", "conceicao"), ("Beatriz", "beatriz"), ("Luan", "luan")],
        last: &["Araújo", "Gonçalves", "Silva", "Brandão"],
    },
    Names {
        language: "ru",
        country: "KZ",
        first: &[("Айгерим", "aigerim"), ("Олег", "oleg"), ("Мария", "maria"), ("Тимур", "timur")],
        last: &["Ахметова", "Соколов", "Ким", "Ли"],
    },
    Names {
        language: "th",
        country: "TH",
        first: &[("สมชาย", "somchai"), ("กมลชนก", "kamonchanok"), ("พิมพ์", "pim")],
        last: &["ใจดี", "ศรีสุข", "วงศ์ใหญ่"],
    },
    Names {
        language: "ja",
        country: "JP",
        first: &[("さくら", "sakura"), ("健太", "kenta"), ("美咲", "misaki")],
        last: &["佐藤", "鈴木", "髙橋"],
    },
    Names {
        language: "ar",
        country: "AE",
        first: &[("فاطمة", "fatima"), ("يوسف", "yousef"), ("ليلى", "layla")],
        last: &["الهاشمي", "حداد", "منصور"],
    },
];

impl Person {
    /// Person number `index` of a seed; the same on every platform.
    pub(crate) fn new(seed: u64, index: usize) -> Self {
        let mut rng = Rng::new(seed, &["person", &index.to_string()]);
        // English speakers are every third, so that small sandboxes can be followed by many readers.
        let names = if index.is_multiple_of(3) {
            &NAMES[0]
        } else {
            &NAMES[1 + (index - index / 3 - 1) % (NAMES.len() - 1)]
        };
        debug_assert!(LANGUAGES.contains(&names.language));
        let (first, latin) = *rng.pick(names.first);
        let last = (*rng.pick(names.last)).to_owned();
        let handle = format!("{latin}{}{index}", rng.pick(&["", "_", ".x", "_the_"]));
        Self {
            first: first.to_owned(),
            last,
            username: handle.replace('.', "_"),
            language: names.language,
            country: names.country,
            phone: phone(names.country, index),
            private: index % 4 == 2,
            email: format!("{latin}{index}@example.{}", rng.pick(&["com", "org", "net"])),
        }
    }

    pub(crate) fn name(&self) -> String {
        if self.language == "ja" {
            format!("{} {}", self.last, self.first)
        } else {
            format!("{} {}", self.first, self.last)
        }
    }
}

/// A number of the country, distinct for each person; where a country sets numbers aside for fiction, one of those as
/// long as they last.
fn phone(country: &str, index: usize) -> String {
    match country {
        "GB" if index < 3_000 => format!("+447700900{:03}", index / 3),
        "GB" => format!("+4477{:08}", 11_000_000 + index),
        "FR" if index < 100_000 => format!("+33639{:06}", 980_000 + index % 20_000),
        "FR" => format!("+336{:08}", 10_000_000 + index),
        "ES" => format!("+346{:08}", 12_000_000 + index),
        "DE" => format!("+49152{:08}", 28_810_000 + index),
        "BR" => format!("+55119{:08}", 91_000_000 + index),
        "KZ" => format!("+7701{:07}", 2_000_000 + index),
        "TH" => format!("+668{:08}", 12_000_000 + index),
        "JP" => format!("+8190{:08}", 12_000_000 + index),
        _ => format!("+97150{:07}", 2_000_000 + index),
    }
}

/// A person on one account.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Customer {
    /// `p<number>`, or the address of one added by hand.
    pub(crate) key: String,
    pub(crate) person: Person,
    /// Telegram user id, WhatsApp digits, IGSID, PSID, E.164.
    pub(crate) address: String,
    /// WhatsApp's business-scoped id.
    pub(crate) bsuid: Option<String>,
    /// WhatsApp leaves the phone number out (the customer has a username).
    pub(crate) hides_phone: bool,
    /// Writes of their own accord.
    pub(crate) opens: bool,
    /// Has blocked the business.
    pub(crate) blocked: bool,
    /// Has sent STOP (Twilio).
    pub(crate) opted_out: bool,
    /// The handset is off: accepted messages wait.
    pub(crate) offline: bool,
    /// Not on the platform (any more).
    pub(crate) gone: bool,
    /// Twilio: the carrier's error for every message to them.
    pub(crate) carrier_error: Option<i64>,
    /// When they last wrote: the reply window.
    pub(crate) last_wrote_ms: Option<i64>,
    /// Percent of life-like pace: 60 is hasty, 200 slow.
    pub(crate) pace: u64,
    #[serde(skip)]
    pub(crate) mind: Mind,
    #[serde(skip)]
    pub(crate) rng: Rng,
}

impl Customer {
    /// Person `index` on an account.
    pub(crate) fn new(config: &Config, account: &AccountView, person: Person, index: usize) -> Self {
        let seed = config.people();
        let address = match account.platform {
            Platform::Telegram => {
                (5_000_000_000 + hash(seed, &["tg"]) % 1_000_000_000 + index as u64 * 7_919).to_string()
            }
            Platform::Whatsapp => person.phone.trim_start_matches('+').to_owned(),
            Platform::Instagram => {
                format!(
                    "{}{:06}",
                    10_000_000_000 + hash(seed, &["ig", &account.ig_id]) % 80_000_000_000,
                    index
                )
            }
            Platform::Messenger => {
                let page = account.page_id.as_deref().unwrap_or_default();
                format!("{}{index:06}", 1_000_000_000 + hash(seed, &["page", page]) % 8_000_000_000)
            }
            Platform::Twilio => person.phone.clone(),
        };
        Self::with(config, account, person, address, format!("p{index}"), index % 7 == 3)
    }

    /// A customer with an address of one's own choosing.
    pub(crate) fn with(
        config: &Config,
        account: &AccountView,
        person: Person,
        address: String,
        key: String,
        hides_phone: bool,
    ) -> Self {
        let mut rng = Rng::new(config.seed, &["customer", &account.id, &key]);
        let whatsapp = account.platform == Platform::Whatsapp;
        let digits = hash(config.people(), &["bsuid", &account.waba_id, &key]) % 9_000_000_000_000_000
            + 1_000_000_000_000_000;
        let bsuid = whatsapp.then(|| format!("{}.{digits}", person.country));
        Self {
            pace: rng.range(60, 200),
            key,
            person,
            address,
            bsuid,
            hides_phone: whatsapp && hides_phone,
            opens: true,
            blocked: false,
            opted_out: false,
            offline: false,
            gone: false,
            carrier_error: None,
            last_wrote_ms: None,
            mind: Mind::default(),
            rng,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn people_are_distinct_and_repeatable() {
        let phones: HashSet<String> = (0..20_000).map(|i| Person::new(3, i).phone).collect();
        assert_eq!(phones.len(), 20_000);
        assert_eq!(Person::new(3, 17).username, Person::new(3, 17).username);
        let languages: HashSet<_> = (0..30).map(|i| Person::new(3, i).language).collect();
        assert_eq!(languages.len(), NAMES.len());
    }
}
