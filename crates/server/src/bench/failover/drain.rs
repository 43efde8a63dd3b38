//! `bench drain`: what an outage held goes out when Instagram is back, while other customers go on talking over SMS.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use everthread_core::routing::{Mode, Policy};
use serde_json::{Value, json};

use super::scene::{Scene, Setup};
use super::{table, until};
use crate::admin::Failure;
use crate::bench::Run;
use crate::bench::bodies::Mark;
use crate::bench::machine::Ground;
use crate::bench::stats::{percentile, round};

/// Sends a second that the platform that comes back takes, on both sides. Printed.
const LIMIT_PER_S: f64 = 100.0;

/// Sends a second on the other channel: its limit is not what is measured.
const TALK_LIMIT_PER_S: f64 = 1_000.0;

/// Customers a second who say something over the other channel.
const TALK_PER_S: u32 = 10;

/// The bar: p99 of their answers during the drain, against before.
const BAR: f64 = 1.5;

/// Waits until everything is out at most so many times as long as the limit alone would take, and a while for the ramp.
const PATIENCE: f64 = 4.0;
const RAMP: Duration = Duration::from_mins(10);

/// The most messages that one customer's question is answered with: a rule's actions end there.
const EACH_MAX: u32 = 32;

/// What the books say of the answers that were held.
#[derive(Debug, Default, PartialEq, Eq)]
struct Drained {
    sent: u64,
    duplicated: u64,
    /// Answers that came after a later one of the same customer.
    reordered: u64,
    over_limit_windows: u64,
}

/// Rules that answer many times or once, on a hub that carries nobody.
fn setup(each: u32, lanes: u32, pace: u32) -> Setup {
    let replies: Vec<Value> = (0..each)
        .map(|nth| json!({ "type": "reply", "text": format!("{{{{ message.text[5:19] }}}} is {nth:02} of {each}") }))
        .collect();
    Setup {
        conversations: lanes,
        pace,
        rules: vec![
            json!({ "trigger": { "type": "keyword", "words": ["many"] }, "actions": replies }),
            json!({ "trigger": { "type": "keyword", "words": ["talk"] }, "actions": [
                { "type": "reply", "text": "{{ message.text[5:19] }} answers" }] }),
        ],
        // Nobody is carried: what is measured is the way back.
        policy: Policy { mode: Mode::Off, ..Policy::default() },
        per_s: [LIMIT_PER_S, TALK_LIMIT_PER_S],
    }
}

pub(in crate::bench) async fn run(run: &Run, messages: u32, lanes: u32, pace: u32) -> Result<(), Failure> {
    let each = messages.div_ceil(lanes);
    if each > EACH_MAX {
        return Err(Failure(format!(
            "{messages} messages over {lanes} lanes are {each} each; at most {EACH_MAX} are possible: ask for more lanes"
        )));
    }
    let messages = each * lanes;
    let ground = Ground::new(run)?;
    let setup = setup(each, lanes, pace);
    let mut scene = Scene::open((&ground.dir, run.json), &setup).await?;
    let mut calm = talk(&mut scene, 0, async |_, since| {
        Ok(since.elapsed() >= Duration::from_secs(u64::from(run.seconds * 3)))
    })
    .await?;
    scene.say_so("quiet talk measured");
    let faults = scene.instagram_fails()?;
    scene.everybody_says(|contact| Some(format!("many {} please", Mark { contact, nth: 0 }.text()))).await?;
    scene.confirmed().await?;
    scene.applied().await?;
    scene.say_so("everything is held; Instagram comes back");
    scene.lift(&faults);
    let back = Instant::now();
    let patience = Duration::from_secs_f64(f64::from(messages) / LIMIT_PER_S * PATIENCE) + RAMP;
    let said = calm.len() as u32;
    let mut during = talk(&mut scene, said, async |scene, since| {
        Ok(scene.accepted_on_first() >= u64::from(messages) || since.elapsed() > patience)
    })
    .await?;
    let drained_s = back.elapsed().as_secs_f64();
    let books = drained(&scene.sent_on_first());
    let peak_rss_mb = scene.peak_rss_mb;
    let ended = scene.ended().await?;
    scene.end().await;
    let p99 = |times: &mut Vec<u32>| f64::from(percentile(times, 0.99));
    let (calm_p99, drain_p99) = (p99(&mut calm), p99(&mut during));
    let ratio = drain_p99 / calm_p99.max(1.0);
    let lost = u64::from(messages).saturating_sub(books.sent + ended);
    let good = lost + books.duplicated + books.reordered + books.over_limit_windows == 0;
    let object = json!({
        "messages": messages,
        "lanes": lanes,
        "over_limit_windows": books.over_limit_windows,
        "lost": lost,
        "duplicated": books.duplicated,
        "reordered": books.reordered,
        "ended_with_reason": ended,
        "live_p99_ratio": round(ratio, 3),
        "live_p99_ms_calm": calm_p99,
        "live_p99_ms_drain": drain_p99,
        "live_answers": during.len(),
        "limit_per_s": LIMIT_PER_S,
        "seconds": round(drained_s, 1),
        "seconds_at_limit": round(f64::from(messages) / LIMIT_PER_S, 1),
        "peak_rss_mb": round(peak_rss_mb, 1),
        "dial": pace,
        "within": good && ratio <= BAR,
        "machine": ground.json(0.0),
    });
    table(run, &object);
    if good { Ok(()) } else { Err(Failure("the drain broke a promise".to_owned())) }
}

/// Customers say something over the other channel at a steady rate until `over`; how many milliseconds each waited for the answer, by
/// the platform's own clock. `first` numbers what they say.
async fn talk(
    scene: &mut Scene,
    first: u32,
    mut over: impl AsyncFnMut(&Scene, Instant) -> Result<bool, Failure>,
) -> Result<Vec<u32>, Failure> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / TALK_PER_S);
    let since = Instant::now();
    let mut nth = first;
    while !over(scene, since).await? {
        tick.tick().await;
        scene.talk(Mark { contact: nth % scene.customers(), nth })?;
        scene.look();
        nth += 1;
    }
    let wanted = u64::from(nth);
    until("the last answers", async || Ok((scene.accepted_on_second() >= wanted).then_some(()))).await?;
    Ok(waits(&scene.book_of_second(), first))
}

/// From each question with a number of at least `first` to its answer, in milliseconds.
fn waits(book: &[Value], first: u32) -> Vec<u32> {
    let mut asked: BTreeMap<Mark, i64> = BTreeMap::new();
    let mut out = Vec::new();
    for message in book {
        let (Some(mark), Some(at)) = (mark(message), message["at_ms"].as_i64()) else { continue };
        if mark.nth < first {
            continue;
        }
        if message["author"] == "customer" {
            asked.insert(mark, at);
        } else if let Some(before) = asked.remove(&mark) {
            out.push(u32::try_from(at - before).unwrap_or(0));
        }
    }
    out
}

fn mark(message: &Value) -> Option<Mark> {
    Mark::find(message["text"].as_str()?.as_bytes())
}

/// Which answer of its customer's it is, counted from 0.
fn number(message: &Value) -> Option<u32> {
    message["text"].as_str()?.split(" is ").nth(1)?.split(' ').next()?.parse().ok()
}

/// Reads the book of what the platform took, oldest first.
fn drained(book: &[Value]) -> Drained {
    let mut out = Drained::default();
    let mut seen: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut times = Vec::new();
    for message in book {
        let (Some(mark), Some(number), Some(at)) =
            (mark(message), number(message), message["at_ms"].as_i64())
        else {
            continue;
        };
        times.push(at);
        let before = seen.entry(mark.contact).or_default();
        if before.contains(&number) {
            out.duplicated += 1;
            continue;
        }
        out.reordered += u64::from(before.iter().any(|known| *known > number));
        before.push(number);
        out.sent += 1;
    }
    out.over_limit_windows = over_limit(&times, LIMIT_PER_S);
    out
}

/// Seconds, one beginning with each send, in which more went out than a second's limit on top of the burst that the limit allows.
fn over_limit(times_ms: &[i64], per_s: f64) -> u64 {
    let allowed = (per_s * 2.0) as usize;
    let mut last = 0;
    let over = |(first, at): (usize, &i64)| {
        while times_ms.get(last).is_some_and(|other| other - at < 1_000) {
            last += 1;
        }
        last - first > allowed
    };
    times_ms.iter().enumerate().map(over).filter(|over| *over).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(contact: u32, number: u32, at_ms: i64) -> Value {
        let text = format!("{} is {number:02} of 3", Mark { contact, nth: 0 }.text());
        json!({ "text": text, "at_ms": at_ms, "author": "business" })
    }

    #[test]
    fn the_book_shows_what_is_twice_and_what_is_out_of_order() {
        let book = [answer(1, 0, 0), answer(1, 2, 1), answer(2, 0, 2), answer(1, 1, 3), answer(2, 0, 4)];
        let expected = Drained { sent: 4, duplicated: 1, reordered: 1, over_limit_windows: 0 };
        assert_eq!(drained(&book), expected);
    }

    #[test]
    fn a_second_with_more_than_limit_and_burst_is_over() {
        let even: Vec<i64> = (0..100).map(|n| n * 100).collect();
        assert_eq!((over_limit(&even, 10.0), over_limit(&even, 4.0)), (0, 92));
    }

    #[test]
    fn waits_are_counted_from_each_question_to_its_answer() {
        let say = |author: &str, nth: u32, at: i64| json!({ "author": author, "text": format!("talk {} please", Mark { contact: 1, nth }.text()), "at_ms": at });
        let book =
            [say("customer", 0, 0), say("business", 0, 5), say("customer", 1, 10), say("business", 1, 40)];
        assert_eq!((waits(&book, 0), waits(&book, 1)), (vec![5, 30], vec![30]));
    }
}
