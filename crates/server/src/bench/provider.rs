//! The local fake provider: takes sends over raw HTTP, answers at once, and keeps its own books.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;

use super::bodies::{BULK, CONTACTS, Mark};
use super::wire::{content_length, head_len};

/// What the provider saw of one customer.
#[derive(Clone, Copy, Default)]
struct Page {
    /// Answers that came, by number, among the last 128 messages: bit 0 is the newest.
    seen: u128,
    /// One above the highest number that came.
    next: u32,
}

/// The provider's books.
pub(super) struct Books {
    pages: Vec<Page>,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) received: u64,
    /// Calls for nobody who waits.
    pub(super) bulk: u64,
    seed: u32,
    calls: UnboundedSender<(Mark, Instant)>,
    /// Tell of repetitions too.
    all: bool,
}

impl Books {
    pub(super) fn new(seed: u32, calls: UnboundedSender<(Mark, Instant)>) -> Self {
        let pages = vec![Page::default(); CONTACTS as usize];
        Self { pages, duplicated: 0, reordered: 0, received: 0, bulk: 0, seed, calls, all: false }
    }

    /// Books that tell of every call, repetitions among them.
    pub(super) const fn telling_all(mut self) -> Self {
        self.all = true;
        self
    }

    /// Notes a send; true the first time.
    fn note(&mut self, mark: Mark) -> bool {
        let Some(page) = self.pages.get_mut(mark.contact as usize) else { return false };
        if mark.nth >= page.next {
            let ahead = mark.nth + 1 - page.next;
            page.seen = page.seen.checked_shl(ahead).unwrap_or(0) | 1;
            page.next = mark.nth + 1;
        } else {
            let bit = 1_u128.checked_shl(page.next - 1 - mark.nth).unwrap_or(0);
            if bit == 0 || page.seen & bit != 0 {
                self.duplicated += 1;
                return false;
            }
            page.seen |= bit;
            self.reordered += 1;
        }
        self.received += 1;
        true
    }
}

/// Longer than a caller waits: an account that hangs.
const HANG: std::time::Duration = std::time::Duration::from_secs(35);

/// Takes connections until the program ends. Calls whose path holds `hung` are answered after 35 s.
pub(super) async fn serve(listener: TcpListener, books: Rc<RefCell<Books>>, hung: Option<String>) {
    let hung: Option<Rc<str>> = hung.map(Into::into);
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let books = Rc::clone(&books);
        drop(tokio::task::spawn_local(connection(stream, books, hung.clone())));
    }
}

async fn connection(mut stream: TcpStream, books: Rc<RefCell<Books>>, hung: Option<Rc<str>>) {
    let mut buf = Vec::with_capacity(8192);
    loop {
        let Some(head) = head_len(&buf) else {
            match stream.read_buf(&mut buf).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        let end = head + content_length(&buf[..head]).unwrap_or(0);
        while buf.len() < end {
            if !matches!(stream.read_buf(&mut buf).await, Ok(1..)) {
                return;
            }
        }
        let path = buf[..head].split(|b| *b == b'\r').next().unwrap_or_default();
        if hung.as_ref().is_some_and(|hung| path.windows(hung.len()).any(|w| w == hung.as_bytes())) {
            tokio::time::sleep(HANG).await;
        }
        let answer = answer(&buf[head..end], &books);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
        buf.drain(..end);
    }
}

fn answer(body: &[u8], books: &RefCell<Books>) -> Vec<u8> {
    let Some(mark) = Mark::find(body) else {
        let text = r#"{"error":{"message":"(#100) no mark in the text","type":"OAuthException","code":100}}"#;
        return http("400 Bad Request", text);
    };
    let at = Instant::now();
    let mut books = books.borrow_mut();
    let bulk = mark.contact == BULK;
    let id = if bulk {
        books.bulk += 1;
        format!("wamid.BULK.{}.{}", books.seed, books.bulk)
    } else {
        mark.answer_id(books.seed)
    };
    let text = format!(
        r#"{{"messaging_product":"whatsapp","contacts":[{{"input":"","wa_id":""}}],"messages":[{{"id":"{id}","message_status":"accepted"}}]}}"#,
    );
    if !bulk && (books.note(mark) || books.all) {
        let _ = books.calls.send((mark, at));
    }
    http("200 OK", &text)
}

fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_count_what_is_twice_and_what_is_out_of_order() {
        let (calls, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let mut books = Books::new(1, calls);
        let results: Vec<bool> =
            [0, 1, 3, 2, 3, 4, 0].iter().map(|nth| books.note(Mark { contact: 5, nth: *nth })).collect();
        assert_eq!(results, [true, true, true, true, false, true, false]);
        assert_eq!((books.received, books.duplicated, books.reordered), (5, 2, 1));
        assert!(seen.try_recv().is_err());
    }

    #[tokio::test]
    async fn bulk_is_accepted_under_ids_of_its_own_and_answers_nobody() {
        let (calls, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let books = RefCell::new(Books::new(1, calls));
        let say = |mark: Mark| String::from_utf8(answer(mark.text().as_bytes(), &books)).expect("text");
        let bulk = Mark { contact: BULK, nth: 0 };
        assert_ne!(say(bulk), say(bulk));
        assert!(seen.try_recv().is_err());
        say(Mark { contact: 3, nth: 0 });
        assert!(seen.try_recv().is_ok());
        assert_eq!((books.borrow().bulk, books.borrow().received, books.borrow().duplicated), (2, 1, 0));
    }
}
