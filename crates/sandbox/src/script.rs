//! What customers of a clothes shop say, in their languages, and how they take what they hear.

use crate::book::Button;
use crate::people::Person;
use crate::rng::Rng;

/// The languages that phrases exist in.
pub(crate) const LANGUAGES: &[&str] = &["en", "es", "fr", "de", "pt", "ru", "th", "ja", "ar"];

/// Where a customer is in a conversation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mind {
    /// Which conversation; replies planned in an earlier one are dropped.
    pub(crate) episode: u32,
    /// What it is about: an index of openings.
    pub(crate) topic: usize,
    /// How often the customer wrote in it.
    pub(crate) turns: u32,
    /// The customer has thanked and is done.
    pub(crate) done: bool,
    /// Answers heard; only the newest is answered.
    pub(crate) heard: u32,
}

struct Phrases {
    language: &'static str,
    /// Sizes, order status, hours, return, delivery, material.
    openings: [&'static str; 6],
    follow_ups: [&'static str; 3],
    thanks: [&'static str; 2],
    nudge: &'static str,
    /// On another platform, because one fails; and on the first again.
    elsewhere: &'static str,
    back: &'static str,
    yes: &'static str,
    phone: &'static str,
    email: &'static str,
    /// Instead of a number or an address.
    declines: &'static str,
}

const PHRASES: &[Phrases] = &[
    Phrases {
        language: "en",
        openings: [
            "Hi! Do you have the linen shirt in size M? 😊",
            "Hello, where is my order {order}? It was due yesterday",
            "Hi, what time do you open on Saturday?",
            "I'd like to return a dress, it's too small. How does it work?",
            "Do you deliver to the islands, and how long does it take?",
            "Is the blue jumper wool or cotton?",
        ],
        follow_ups: ["And in another colour?", "How much would that be?", "Could I pick it up in the shop?"],
        thanks: ["Perfect, thank you!", "Great, thanks a lot 🙏"],
        nudge: "Hello? Is anybody there?",
        elsewhere: "Hi, {platform} doesn't load for me. Are you there?",
        back: "{platform} works again, so I'm back here.",
        yes: "Yes please",
        phone: "Sure, it's {phone}",
        email: "It's {email}",
        declines: "I'd rather not, let's stay here",
    },
    Phrases {
        language: "es",
        openings: [
            "¡Hola! ¿Tenéis la camisa de lino en la talla M?",
            "Buenas, ¿dónde está mi pedido {order}?",
            "¿A qué hora abrís el sábado?",
            "Quiero devolver un vestido, me queda pequeño. ¿Qué hago?",
            "¿Hacéis envíos a Canarias? ¿Cuánto tarda?",
            "¿El jersey azul es de lana o de algodón?",
        ],
        follow_ups: ["¿Y en otro color?", "¿Cuánto costaría?", "¿Puedo recogerlo en la tienda?"],
        thanks: ["Perfecto, ¡muchas gracias!", "Genial, gracias 🙏"],
        nudge: "¿Hola? ¿Hay alguien?",
        elsewhere: "Hola, {platform} no me carga. ¿Estáis ahí?",
        back: "{platform} ya funciona, sigo por aquí.",
        yes: "Sí, por favor",
        phone: "Claro, es el {phone}",
        email: "Es {email}",
        declines: "Prefiero que no, sigamos por aquí",
    },
    Phrases {
        language: "fr",
        openings: [
            "Bonjour ! Avez-vous la chemise en lin en taille M ?",
            "Bonjour, où en est ma commande {order} ?",
            "Vous ouvrez à quelle heure samedi ?",
            "Je voudrais retourner une robe, elle est trop petite.",
            "Vous livrez en Corse ? En combien de temps ?",
            "Le pull bleu, c'est de la laine ou du coton ?",
        ],
        follow_ups: [
            "Et dans une autre couleur ?",
            "Ça ferait combien ?",
            "Je peux passer le prendre en boutique ?",
        ],
        thanks: ["Parfait, merci beaucoup !", "Super, merci 🙏"],
        nudge: "Allô ? Il y a quelqu'un ?",
        elsewhere: "Bonjour, {platform} ne charge pas chez moi. Vous êtes là ?",
        back: "{platform} remarche, je reviens ici.",
        yes: "Oui, s'il vous plaît",
        phone: "Bien sûr, c'est le {phone}",
        email: "C'est {email}",
        declines: "Je préfère pas, restons ici",
    },
    Phrases {
        language: "de",
        openings: [
            "Hallo! Gibt es das Leinenhemd in Größe M?",
            "Guten Tag, wo bleibt meine Bestellung {order}?",
            "Wann habt ihr am Samstag geöffnet?",
            "Ich möchte ein Kleid zurückgeben, es ist zu klein.",
            "Liefert ihr auch in die Schweiz? Wie lange dauert das?",
            "Ist der blaue Pullover aus Wolle oder Baumwolle?",
        ],
        follow_ups: ["Und in einer anderen Farbe?", "Was würde das kosten?", "Kann ich es im Laden abholen?"],
        thanks: ["Super, vielen Dank!", "Danke schön 🙏"],
        nudge: "Hallo? Ist da jemand?",
        elsewhere: "Hallo, {platform} lädt bei mir nicht. Seid ihr da?",
        back: "{platform} geht wieder, ich schreibe wieder hier.",
        yes: "Ja, bitte",
        phone: "Klar, {phone}",
        email: "{email}",
        declines: "Lieber nicht, bleiben wir hier",
    },
    Phrases {
        language: "pt",
        openings: [
            "Oi! Vocês têm a camisa de linho no tamanho M?",
            "Bom dia, cadê o meu pedido {order}?",
            "Que horas vocês abrem no sábado?",
            "Quero devolver um vestido, ficou pequeno.",
            "Vocês entregam em Fernando de Noronha?",
            "A blusa azul é de lã ou de algodão?",
        ],
        follow_ups: ["E em outra cor?", "Quanto ficaria?", "Posso retirar na loja?"],
        thanks: ["Perfeito, obrigada!", "Ótimo, valeu 🙏"],
        nudge: "Oi? Tem alguém aí?",
        elsewhere: "Oi, o {platform} não carrega aqui. Vocês estão aí?",
        back: "O {platform} voltou, continuo por aqui.",
        yes: "Sim, por favor",
        phone: "Claro, é {phone}",
        email: "É {email}",
        declines: "Prefiro não, vamos continuar por aqui",
    },
    Phrases {
        language: "ru",
        openings: [
            "Здравствуйте! Есть льняная рубашка размера M?",
            "Добрый день, где мой заказ {order}?",
            "Во сколько вы открываетесь в субботу?",
            "Хочу вернуть платье, оно мало. Как это сделать?",
            "Доставляете в Алматы? Сколько ждать?",
            "Синий свитер из шерсти или хлопка?",
        ],
        follow_ups: ["А в другом цвете?", "Сколько это будет стоить?", "Можно забрать в магазине?"],
        thanks: ["Отлично, спасибо!", "Спасибо большое 🙏"],
        nudge: "Алло? Есть кто-нибудь?",
        elsewhere: "Здравствуйте, {platform} не грузится. Вы здесь?",
        back: "{platform} снова работает, пишу опять сюда.",
        yes: "Да, пожалуйста",
        phone: "Конечно, {phone}",
        email: "{email}",
        declines: "Лучше не надо, давайте здесь",
    },
    Phrases {
        language: "th",
        openings: [
            "สวัสดีค่ะ เสื้อลินินไซซ์ M มีไหมคะ",
            "สวัสดีครับ ออเดอร์ {order} ถึงไหนแล้วครับ",
            "วันเสาร์เปิดกี่โมงคะ",
            "อยากคืนชุดเดรสค่ะ ตัวเล็กไป",
            "ส่งต่างจังหวัดกี่วันถึงครับ",
            "เสื้อไหมพรมสีน้ำเงินเป็นผ้าอะไรคะ",
        ],
        follow_ups: ["มีสีอื่นไหมคะ", "ราคาเท่าไหร่คะ", "ไปรับที่ร้านได้ไหม"],
        thanks: ["ขอบคุณมากค่ะ 🙏", "ได้เลย ขอบคุณครับ"],
        nudge: "มีใครอยู่ไหมคะ",
        elsewhere: "สวัสดีค่ะ {platform} โหลดไม่ขึ้น อยู่ไหมคะ",
        back: "{platform} ใช้ได้แล้ว คุยต่อที่นี่นะคะ",
        yes: "ค่ะ",
        phone: "ได้ค่ะ {phone}",
        email: "{email} ค่ะ",
        declines: "ไม่สะดวกค่ะ คุยที่นี่ดีกว่า",
    },
    Phrases {
        language: "ja",
        openings: [
            "こんにちは。リネンシャツのMサイズはありますか?",
            "注文番号 {order} はいつ届きますか?",
            "土曜日は何時に開きますか?",
            "ワンピースが小さかったので返品したいです。",
            "沖縄への配送は何日かかりますか?",
            "青いセーターはウールですか、綿ですか?",
        ],
        follow_ups: ["他の色はありますか?", "おいくらですか?", "店舗で受け取れますか?"],
        thanks: ["ありがとうございます!", "助かりました🙏"],
        nudge: "もしもし、どなたかいますか?",
        elsewhere: "{platform}が開けません。いらっしゃいますか？",
        back: "{platform}が直ったので、またこちらで。",
        yes: "はい、お願いします",
        phone: "{phone} です",
        email: "{email} です",
        declines: "それは控えます。ここでお願いします",
    },
    Phrases {
        language: "ar",
        openings: [
            "مرحبا، هل القميص الكتان متوفر بمقاس M؟",
            "السلام عليكم، أين طلبي {order}؟",
            "متى تفتحون يوم السبت؟",
            "أريد إرجاع فستان لأنه صغير",
            "هل توصلون إلى العين؟ كم يستغرق؟",
            "هل السترة الزرقاء صوف أم قطن؟",
        ],
        follow_ups: ["وبلون آخر؟", "كم السعر؟", "هل يمكنني استلامه من المتجر؟"],
        thanks: ["ممتاز، شكرا جزيلا", "شكرا لكم 🙏"],
        nudge: "هل من أحد هنا؟",
        elsewhere: "مرحبًا، {platform} لا يعمل عندي. هل أنتم هنا؟",
        back: "عاد {platform} للعمل، أكمل هنا.",
        yes: "نعم من فضلك",
        phone: "أكيد، {phone}",
        email: "{email}",
        declines: "أفضل لا، لنبق هنا",
    },
];

/// Words by which a business asks for a number or an address, lower case.
const PHONE_WORDS: &[&str] = &[
    "phone",
    "mobile",
    "telefon",
    "teléfono",
    "telefone",
    "téléphone",
    "handynummer",
    "телефон",
    "เบอร์",
    "電話",
    "هاتف",
];
const EMAIL_WORDS: &[&str] = &["e-mail", "email", "correo", "mail address", "почт", "อีเมล", "メール", "بريد"];

/// What a customer does about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Say(String),
    Press(Button),
    React(&'static str),
    Nothing,
}

fn phrases(language: &str) -> &'static Phrases {
    PHRASES.iter().find(|p| p.language == language).unwrap_or(&PHRASES[0])
}

fn fill(phrase: &str, person: &Person, order: u64) -> String {
    phrase
        .replace("{phone}", &person.phone)
        .replace("{email}", &person.email)
        .replace("{order}", &format!("#{order}"))
}

/// How a customer begins a conversation.
pub(crate) fn open(person: &Person, mind: &mut Mind, rng: &mut Rng) -> String {
    mind.episode += 1;
    mind.turns = 1;
    mind.done = false;
    mind.topic = rng.range(0, 6) as usize;
    fill(phrases(person.language).openings[mind.topic], person, rng.range(10_000, 99_999))
}

/// What a customer says when nobody answers.
pub(crate) fn nudge(person: &Person, mind: &mut Mind) -> String {
    mind.turns += 1;
    phrases(person.language).nudge.to_owned()
}

/// What a customer says on another platform because one fails.
pub(crate) fn elsewhere(person: &Person, platform: &str) -> String {
    phrases(person.language).elsewhere.replace("{platform}", platform)
}

/// What a customer says on the first platform once it works again.
pub(crate) fn back(person: &Person, platform: &str) -> String {
    phrases(person.language).back.replace("{platform}", platform)
}

/// How a customer takes a message of the business. A conversation has at most eight turns of theirs, so that two
/// machines never talk for ever.
pub(crate) fn answer(
    person: &Person,
    mind: &mut Mind,
    rng: &mut Rng,
    text: &str,
    buttons: &[Button],
) -> Answer {
    let words = phrases(person.language);
    let lower = text.to_lowercase();
    let hears = |list: &[&str]| list.iter().any(|word| lower.contains(word));
    if mind.turns >= 8 {
        return Answer::Nothing;
    }
    if mind.done {
        return if rng.chance(0.3) { Answer::React("❤️") } else { Answer::Nothing };
    }
    mind.turns += 1;
    if !buttons.is_empty() && rng.chance(0.9) {
        return Answer::Press(rng.pick(buttons).clone());
    }
    let asked = hears(PHONE_WORDS) || hears(EMAIL_WORDS);
    if asked && person.private {
        return Answer::Say(words.declines.to_owned());
    }
    if hears(PHONE_WORDS) {
        return Answer::Say(fill(words.phone, person, 0));
    }
    if hears(EMAIL_WORDS) {
        return Answer::Say(fill(words.email, person, 0));
    }
    if mind.turns <= 3 && rng.chance(0.5) {
        return Answer::Say((*rng.pick(&words.follow_ups)).to_owned());
    }
    if text.trim_end().ends_with(['?', '？', '؟']) && rng.chance(0.7) {
        return Answer::Say(words.yes.to_owned());
    }
    mind.done = true;
    Answer::Say((*rng.pick(&words.thanks)).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_phrases() {
        for language in LANGUAGES {
            assert_eq!(phrases(language).language, *language);
        }
    }

    #[test]
    fn asked_for_a_number_they_give_it_and_buttons_get_pressed() {
        let person = Person::new(1, 0);
        let mut rng = Rng::new(1, &["t"]);
        let mut mind = Mind { turns: 1, ..Mind::default() };
        let said = answer(&person, &mut mind, &mut rng, "May we have your phone number?", &[]);
        assert_eq!(said, Answer::Say(format!("Sure, it's {}", person.phone)));
        let button = Button { id: "m".into(), title: "M".into(), types: false };
        let pressed = (0..20).filter(|_| {
            let mut mind = Mind { turns: 1, ..Mind::default() };
            answer(&person, &mut mind, &mut rng, "Which?", std::slice::from_ref(&button))
                == Answer::Press(button.clone())
        });
        assert!(pressed.count() > 12);
    }

    #[test]
    fn some_keep_their_number_to_themselves() {
        let private: Vec<usize> = (0..8).filter(|index| Person::new(1, *index).private).collect();
        assert_eq!(private, [2, 6]);
        let person = Person::new(1, 6);
        let said = answer(&person, &mut Mind::default(), &mut Rng::new(1, &["t"]), "Your phone?", &[]);
        assert_eq!(said, Answer::Say(phrases(person.language).declines.to_owned()));
    }

    #[test]
    fn conversations_end() {
        let person = Person::new(1, 1);
        let mut rng = Rng::new(1, &["end"]);
        let mut mind = Mind::default();
        open(&person, &mut mind, &mut rng);
        let mut said = 0;
        for _ in 0..100 {
            if matches!(answer(&person, &mut mind, &mut rng, "e-mail?", &[]), Answer::Say(_)) {
                said += 1;
            }
        }
        assert!(said <= 8, "{said}");
    }
}
