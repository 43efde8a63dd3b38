//! Files: those that customers send (made up), those that businesses upload, and the CDN they are fetched from.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;

use crate::account::Platform;
use crate::fault::{Component, under};
use crate::rng::{ALNUM, Rng};
use crate::wire::{Call, Reply};
use crate::world::World;

/// The most files an account keeps.
const KEPT: usize = 5_000;
/// How long a WhatsApp media URL lives.
pub(crate) const URL_LIVES_MS: i64 = 300_000;
/// The largest file fetched from a link.
const FETCH_MAX: usize = 100 * 1024 * 1024;

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) bytes: Bytes,
    pub(crate) mime: String,
    pub(crate) name: String,
}

/// An account's files by id.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    items: HashMap<String, (u64, Item)>,
    order: BTreeMap<u64, String>,
    next: u64,
}

impl Shelf {
    pub(crate) fn put(&mut self, id: &str, item: Item) {
        self.next += 1;
        self.items.insert(id.to_owned(), (self.next, item));
        self.order.insert(self.next, id.to_owned());
        if self.order.len() > KEPT
            && let Some((_, old)) = self.order.pop_first()
        {
            self.items.remove(&old);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Item> {
        self.items.get(id).map(|(_, item)| item)
    }

    /// The file whose name is `name` (Telegram's file path), with its id.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Item> {
        self.items.values().map(|(_, item)| item).find(|item| item.name == name)
    }

    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.items.remove(id).is_some_and(|(n, _)| self.order.remove(&n).is_some())
    }
}

/// A made-up file of a kind: its type, extension and bytes.
pub(crate) fn sample(kind: &str, rng: &mut Rng) -> Item {
    let (mime, name, bytes) = match kind {
        "document" => ("application/pdf", "receipt.pdf", pdf()),
        "voice" | "audio" => ("audio/ogg", "voice.ogg", ogg()),
        "video" => ("video/mp4", "video.mp4", mp4()),
        _ => {
            let colour = [rng.range(0, 256) as u8, rng.range(0, 256) as u8, rng.range(0, 256) as u8];
            ("image/png", "photo.png", png(64, colour))
        }
    };
    Item { bytes: Bytes::from(bytes), mime: mime.to_owned(), name: name.to_owned() }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 })
    })
}

/// A square PNG of one colour (stored, not compressed).
fn png(side: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut raw = Vec::new();
    for _ in 0..side {
        raw.extend_from_slice(&[0]);
        (0..side).for_each(|_| raw.extend_from_slice(&colour));
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in &raw {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut zlib = vec![0x78, 0x01, 0x01];
    let len = raw.len() as u16;
    zlib.extend_from_slice(&len.to_le_bytes());
    zlib.extend_from_slice(&(!len).to_le_bytes());
    zlib.extend_from_slice(&raw);
    zlib.extend_from_slice(&((b << 16) | a).to_be_bytes());
    let mut header = Vec::new();
    header.extend_from_slice(&side.to_be_bytes());
    header.extend_from_slice(&side.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", &header), (b"IDAT", &zlib), (b"IEND", &Vec::new())] {
        out.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let chunk = [name.as_slice(), data].concat();
        out.extend_from_slice(&chunk);
        out.extend_from_slice(&crc32(&chunk).to_be_bytes());
    }
    out
}

fn pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
      3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
        .to_vec()
}

/// An Ogg page with an Opus head: enough to be recognised.
fn ogg() -> Vec<u8> {
    let mut out = b"OggS\x00\x02".to_vec();
    out.extend_from_slice(&[0; 20]);
    out.extend_from_slice(&[1, 19]);
    out.extend_from_slice(b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00");
    out
}

fn mp4() -> Vec<u8> {
    let mut out = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42".to_vec();
    out.extend_from_slice(b"\x00\x00\x00\x08mdat");
    out
}

/// Fetches a linked file as a platform does before it sends it. `None` if it can't be had.
pub(crate) async fn fetch(world: &Arc<World>, url: &str) -> Option<Item> {
    let response = world.http.get(url).timeout(Duration::from_secs(10)).send().await.ok()?;
    if !response.status().is_success() || response.content_length().is_some_and(|n| n > FETCH_MAX as u64) {
        return None;
    }
    let mime = response.headers().get("content-type").and_then(|v| v.to_str().ok());
    let mime = mime.unwrap_or("application/octet-stream").split(';').next().unwrap_or_default().to_owned();
    let bytes = response.bytes().await.ok()?;
    let name = url.split(['?', '#']).next().and_then(|u| u.rsplit('/').next()).unwrap_or("file").to_owned();
    Some(Item { bytes, mime, name })
}

/// A made-up id.
pub(crate) fn new_id(rng: &mut Rng, len: usize) -> String {
    rng.letters(len, ALNUM)
}

/// The CDN: `/cdn/<account>/<id>`, for WhatsApp with `?e=<expiry>` and the bearer token.
pub(crate) fn router() -> Router<Arc<World>> {
    Router::new().route("/{*path}", any(serve))
}

async fn serve(State(world): State<Arc<World>>, request: Request) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(reply) => return reply.into_response(),
    };
    let [account, id] = call.path.as_slice() else { return Reply::text(404, "Not found").into_response() };
    let platform = world.state().accounts.get(account).map(|a| a.view.platform);
    let Some(platform) = platform else { return Reply::text(404, "Not found").into_response() };
    under(&world, platform, account, Component::Receive, &call.cut, async |_| {
        let state = world.state();
        let Some(account) = state.accounts.get(account) else { return Reply::text(404, "Not found") };
        if platform == Platform::Whatsapp {
            let expires = call.field("e").and_then(|e| e.parse::<i64>().ok()).unwrap_or(0);
            if call.bearer().as_deref() != Some(&account.view.token) {
                return Reply::text(401, "Unauthorized");
            }
            if world.now_ms() > expires {
                return Reply::text(404, "URL signature expired");
            }
        }
        match account.media.get(id) {
            Some(item) => Reply::bytes(&item.mime, item.bytes.clone()),
            None => Reply::text(404, "Not found"),
        }
    })
    .await
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let picture = png(64, [1, 2, 3]);
        assert!(
            picture.starts_with(b"\x89PNG")
                && picture.ends_with(&[0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82])
        );
    }

    #[test]
    fn a_full_shelf_forgets_the_oldest() {
        let mut shelf = Shelf::default();
        let item = sample("document", &mut Rng::new(1, &["m"]));
        for n in 0..=KEPT {
            shelf.put(&n.to_string(), item.clone());
        }
        assert!(shelf.get("0").is_none() && shelf.get("1").is_some());
        assert!(shelf.remove("1") && !shelf.remove("1"));
    }
}
