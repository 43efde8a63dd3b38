//! Text: cut into parts, and found again.

use everthread_channels::CHANNELS;
use everthread_core::content::Content;
use everthread_core::fit::{TextLimit, fit};
use everthread_core::ids::WorkspaceId;
use everthread_store::search;

/// First byte channel, second byte limit, then text: no piece is lost, and none is longer than it may be.
pub fn fit_parts(data: &[u8]) {
    let [channel, max, rest @ ..] = data else { return };
    let mut caps = CHANNELS[usize::from(*channel) % CHANNELS.len()].spec().capabilities();
    // Longer than any sane grapheme, which is never cut while it fits.
    caps.text = TextLimit { max: usize::from(*max) + 40, unit: caps.text.unit };
    let text = String::from_utf8_lossy(rest).into_owned();
    let Ok(parts) = fit(&Content::text(text.clone()), &caps) else { return };
    let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    assert_eq!(parts.iter().map(|part| bare(&part.text)).collect::<String>(), bare(&text));
    for part in &parts {
        assert!(caps.text.unit.len(&part.text) <= caps.text.max, "{:?} is too long", part.text);
    }
}

/// What is stored is found by its own words.
pub fn search(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = search::tokens(WorkspaceId(1), &text);
    let _ = search::query(WorkspaceId(1), &text);
    let folded = search::fold(&text);
    assert_eq!(search::fold(&folded), folded, "folding twice changes nothing");
}
