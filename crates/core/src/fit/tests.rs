use super::*;
use crate::content::{MediaSource, Template};
use crate::pacing::Rate;

pub(crate) fn caps() -> Capabilities {
    let rate = Rate { per_s: 1.0, burst: 1 };
    Capabilities {
        text: TextLimit { max: 40, unit: Unit::Chars },
        caption: Some(TextLimit { max: 20, unit: Unit::Chars }),
        buttons: ButtonLimit { max: 2, title_chars: 8, urls: false },
        media: vec![(AttachmentKind::Image, 100), (AttachmentKind::Voice, 100)],
        replies: true,
        reactions: true,
        templates: false,
        echoes: false,
        delivered_receipts: true,
        read_receipts: true,
        window: None,
        human_window: None,
        settle: Settle::Never,
        pacing: Pacing { account: rate, pair: rate },
    }
}

fn image(size: u64) -> Attachment {
    let source = Some(MediaSource::Stored("media_1".into()));
    Attachment { kind: AttachmentKind::Image, mime: None, name: None, size: Some(size), source, note: None }
}

fn button(title: &str) -> Button {
    Button { title: title.into(), action: ButtonAction::Payload(title.to_lowercase()) }
}

fn link(title: &str) -> Button {
    Button { title: title.into(), action: ButtonAction::Url("https://x.example".into()) }
}

/// Parts as text: `[image]` for a file, the text, `<title>` for each button.
fn show(content: &Content, caps: &Capabilities) -> Vec<String> {
    let show = |part: &Content| {
        let files: String = part.attachments.iter().flat_map(|a| ["[", a.kind.as_str(), "]"]).collect();
        let buttons: String = part.buttons.iter().flat_map(|b| ["<", &b.title, ">"]).collect();
        format!("{files}{}{buttons}", part.text)
    };
    match fit(content, caps) {
        Ok(parts) => parts.iter().map(show).collect(),
        Err(error) => vec![format!("! {error}")],
    }
}

#[test]
fn parts_are_what_the_channel_can_carry() {
    let caps = caps();
    let with = |text: &str, attachments: Vec<Attachment>, buttons: Vec<Button>| {
        show(&Content { text: text.into(), attachments, buttons, ..Content::default() }, &caps)
    };
    let place = Attachment {
        kind: AttachmentKind::Location,
        size: None,
        source: None,
        note: Some("Main Street 1".into()),
        ..image(0)
    };
    let voice = Attachment { kind: AttachmentKind::Voice, ..image(5) };
    let video = Attachment { kind: AttachmentKind::Video, ..image(5) };
    assert_eq!(with("hello", vec![], vec![]), ["hello"]);
    assert_eq!(with(" ", vec![], vec![]), ["! there is nothing to send"]);
    assert_eq!(with("look", vec![image(100)], vec![]), ["[image]look"]);
    assert_eq!(with("look", vec![image(1), image(2)], vec![]), ["[image]", "[image]", "look"]);
    assert_eq!(with("longer than the caption may be", vec![image(1)], vec![]).len(), 2);
    assert_eq!(with("listen", vec![voice], vec![]), ["[voice]", "listen"]);
    assert_eq!(with("look", vec![image(1)], vec![button("Yes")]), ["[image]", "look<Yes>"]);
    assert_eq!(with("we are at", vec![place], vec![]), ["we are at\nMain Street 1"]);
    assert_eq!(with("", vec![image(101)], vec![]), ["! the image has 101 bytes; the channel takes 100"]);
    assert_eq!(with("", vec![video], vec![]), ["! the channel cannot carry video"]);
    assert_eq!(with("", vec![], vec![button("Yes")]), ["! buttons need a text above them"]);
    assert_eq!(with("Well?", vec![], vec![button("Yes, certainly")]), ["Well?<Yes, ce…>"]);
    assert_eq!(
        with("Well?", vec![], vec![button("Yes"), link("Site")]),
        ["Well?\nSite: https://x.example<Yes>"]
    );
    assert_eq!(with("Which?", vec![], ["A", "B", "C"].map(button).to_vec()), ["Which?\n1. A\n2. B\n3. C"]);
    let long = format!("{} {}", "a".repeat(39), "b".repeat(39));
    let pieces = with(&long, vec![], vec![button("Yes")]);
    assert_eq!(pieces, ["a".repeat(39), format!("{}<Yes>", "b".repeat(39))]);
    assert!(
        with(&"word ".repeat(600), vec![], vec![])[0].starts_with("! the message would go out in 75 parts")
    );
}

#[test]
fn templates_go_whole_or_not_at_all() {
    let template = Some(Template { name: "hi".into(), language: "en".into(), params: vec![] });
    let content = Content { text: "x".repeat(500), template, ..Content::default() };
    assert_eq!(fit(&content, &caps()), Err(FitError::NoTemplates));
    let able = Capabilities { templates: true, ..caps() };
    assert_eq!(fit(&content, &able), Ok(vec![content]));
}

#[test]
fn numbered_answers_mean_their_button() {
    let buttons = [link("Site"), button("Yes"), button("No")];
    for (text, expected) in
        [("1", Some("Yes")), (" 2. ", Some("No")), ("NO!", Some("No")), ("3", None), ("0", None)]
    {
        assert_eq!(chosen(&buttons, text).map(|b| b.title.as_str()), expected, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn every_part_fits_and_nothing_is_lost(
        text in "(\\PC|[👨‍👩‍👧กำ\u{301} \n]){0,160}",
        titles in proptest::collection::vec("(a|é|👨‍👩‍👧){1,20}", 0..5),
        images in 0_usize..3,
        max in 20_usize..60,
        unit in proptest::sample::select(vec![Unit::Bytes, Unit::Chars, Unit::Utf16]),
        button_max in 0_usize..4,
    ) {
        let caps = Capabilities {
            text: TextLimit { max, unit },
            buttons: ButtonLimit { max: button_max, title_chars: 8, urls: true },
            ..caps()
        };
        let buttons: Vec<_> = titles.iter().map(|t| button(t)).collect();
        let content = Content { text: text.clone(), attachments: vec![image(1); images], buttons, ..Content::default() };
        let Ok(parts) = fit(&content, &caps) else { return Ok(()) };
        let squeeze = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let all = squeeze(&parts.iter().map(|p| p.text.as_str()).collect::<String>());
        proptest::prop_assert!(all.starts_with(&squeeze(&text)));
        proptest::prop_assert_eq!(parts.iter().map(|p| p.attachments.len()).sum::<usize>(), images);
        for part in &parts {
            proptest::prop_assert!(part.attachments.len() <= 1 && !part.is_empty());
            proptest::prop_assert!(part.buttons.len() <= button_max);
            proptest::prop_assert!(part.buttons.iter().all(|b| b.title.chars().count() <= 8));
            let one_grapheme = part.text.graphemes(true).count() == 1;
            proptest::prop_assert!(unit.len(&part.text) <= max || !part.attachments.is_empty() || one_grapheme);
        }
        let kept = parts.last().map_or(0, |p| p.buttons.len());
        proptest::prop_assert!(kept == titles.len() || (kept == 0 && titles.len() > button_max));
    }
}
