//! The customers and the provider of `bench pipeline`, in one process: every customer writes twice, waits for both
//! answers to arrive at the provider, and the provider reports both as delivered a little later.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::bodies::{ACCOUNTS, CONTACTS, Maker, Mark, account_of, phone_number_id};
use super::provider::{Books, serve};
use super::stats::percentile;
use super::wire::{Connection, metric};
use crate::admin::Failure;

/// Messages a customer writes before waiting: order can only be wrong among several.
const AT_ONCE: u32 = 2;

/// The provider reports a delivery this long after it accepted, about as soon as real ones do.
const DELIVERED_AFTER: Duration = Duration::from_millis(100);

/// Connections that post receipts.
const RECEIPT_CONNECTIONS: u32 = 32;

/// An answer that has not come after so long is lost.
const LOST_AFTER: Duration = Duration::from_mins(1);

/// How to run it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The hub or floor, `host:port`.
    #[arg(long)]
    target: String,
    #[arg(long)]
    path: String,
    /// Where the fake provider listens.
    #[arg(long)]
    provider: String,
    /// Customers waiting at one time.
    #[arg(long)]
    customers: u32,
    #[arg(long)]
    seconds: u32,
    /// Loops per second; without it, as fast as answers come.
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long)]
    seed: u32,
    /// Only customers of the first so many accounts.
    #[arg(long)]
    accounts: Option<u32>,
    /// This account's calls hang; what its customers wait is not counted.
    #[arg(long)]
    hung: Option<u32>,
    /// Ask the target's metrics for the lag of apply.
    #[arg(long)]
    lag: bool,
}

impl Options {
    /// Whose turn it is, and how often it was theirs before.
    const fn contact(&self, turn: u32) -> (u32, u32) {
        match self.accounts {
            None => (turn % CONTACTS, turn / CONTACTS),
            Some(accounts) => {
                let people = CONTACTS / ACCOUNTS * accounts;
                let n = turn % people;
                (n % accounts + n / accounts * ACCOUNTS, turn / people)
            }
        }
    }
}

/// What it found.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// Loops ended within the time: receipt acknowledged.
    pub(super) loops: u64,
    pub(super) seconds: f64,
    /// Messages acknowledged whose answer never reached the provider.
    pub(super) lost: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    /// Bulk messages that reached the provider.
    pub(super) bulk: u64,
    /// Webhooks that were not answered 200.
    pub(super) refused: u64,
    /// From posting the webhook to the provider call.
    pub(super) p50_us: u32,
    pub(super) p99_us: u32,
    /// Records not applied in the middle of the run and at its end.
    pub(super) lag_half: u64,
    pub(super) lag_end: u64,
}

struct World {
    options: Options,
    maker: Maker,
    start: Instant,
    end: Instant,
    /// Numbers of customers' turns, handed out in order.
    turn: Cell<u32>,
    /// Who waits for the answer to which message, and when the message was posted.
    waiting: RefCell<HashMap<Mark, (Instant, oneshot::Sender<()>)>>,
    micros: RefCell<Vec<u32>>,
    loops: Cell<u64>,
    /// Messages answered 200, but for those of the account that hangs.
    acknowledged: Cell<u64>,
    /// Calls for those, each counted once.
    answered: Cell<u64>,
    refused: Cell<u64>,
    receipts: UnboundedSender<(Mark, Instant)>,
}

impl World {
    /// Is this a customer of the account that hangs?
    fn hangs(&self, contact: u32) -> bool {
        self.options.hung == Some(account_of(contact))
    }
}

/// Waits for the target, which may start after its provider: a hub with messages waiting calls at once.
async fn arrival(target: &str) -> Result<(), Failure> {
    let patience = Instant::now() + LOST_AFTER;
    while !matches!(super::wire::get(target, "/readyz").await, Ok((200, _))) {
        if Instant::now() > patience {
            return Err(Failure(format!("nothing answers at {target}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Runs the customers and the provider, prints the report.
pub(super) async fn run(options: Options) -> Result<(), Failure> {
    let listener = TcpListener::bind(&options.provider).await.map_err(Failure::from_display)?;
    let (calls, called) = unbounded_channel();
    let books = Rc::new(RefCell::new(Books::new(options.seed, calls)));
    drop(tokio::task::spawn_local(serve(listener, Rc::clone(&books), options.hung.map(phone_number_id))));
    arrival(&options.target).await?;
    let (receipts, to_post) = unbounded_channel();
    let start = Instant::now() + Duration::from_millis(200);
    let world = Rc::new(World {
        maker: Maker {
            host: options.target.clone(),
            path: options.path.clone(),
            seed: options.seed,
            now: crate::clock::now().micros() / 1_000_000,
        },
        start,
        end: start + Duration::from_secs(u64::from(options.seconds)),
        turn: Cell::new(0),
        waiting: RefCell::default(),
        micros: RefCell::default(),
        loops: Cell::new(0),
        acknowledged: Cell::new(0),
        answered: Cell::new(0),
        refused: Cell::new(0),
        receipts,
        options,
    });
    drop(tokio::task::spawn_local(wake(Rc::clone(&world), called)));
    let to_post = Rc::new(tokio::sync::Mutex::new(to_post));
    let mut posting = JoinSet::new();
    for _ in 0..RECEIPT_CONNECTIONS {
        posting.spawn_local(post_receipts(Rc::clone(&world), Rc::clone(&to_post)));
    }
    let mut customers = JoinSet::new();
    for _ in 0..world.options.customers {
        customers.spawn_local(customer(Rc::clone(&world)));
    }
    let lag = watch(&world).await?;
    let loops = world.loops.get();
    while customers.join_next().await.is_some() {}
    // Receipts still on their way belong to no figure, but the server must see them.
    tokio::time::sleep(DELIVERED_AFTER * 3).await;
    let unanswered = {
        let waiting = world.waiting.borrow();
        let missed = waiting.keys().filter(|mark| !world.hangs(mark.contact));
        missed.take(5).map(|mark| mark.text()).collect::<Vec<_>>()
    };
    if !unanswered.is_empty() {
        eprintln!("note: no answer came to {}", unanswered.join(", "));
    }
    let books = books.borrow();
    let mut micros = world.micros.borrow_mut();
    let report = Report {
        loops,
        seconds: f64::from(world.options.seconds),
        lost: world.acknowledged.get().saturating_sub(world.answered.get()),
        duplicated: books.duplicated,
        reordered: books.reordered,
        bulk: books.bulk,
        refused: world.refused.get(),
        p50_us: percentile(&mut micros, 0.5),
        p99_us: percentile(&mut micros, 0.99),
        lag_half: lag.0,
        lag_end: lag.1,
    };
    println!("{}", serde_json::to_string(&report).map_err(Failure::from_display)?);
    Ok(())
}

/// Waits for the end of the run; the lag at its middle and its end.
async fn watch(world: &World) -> Result<(u64, u64), Failure> {
    let mut lags = [0; 2];
    let middle = world.start + (world.end - world.start) / 2;
    for (lag, at) in lags.iter_mut().zip([middle, world.end]) {
        tokio::time::sleep_until(at.into()).await;
        if world.options.lag {
            let value = metric(&world.options.target, "everthread_apply_lag_records").await;
            *lag = value.map_err(Failure::from_display)? as u64;
        }
    }
    Ok((lags[0], lags[1]))
}

/// Tells customers that the provider was called for them.
async fn wake(world: Rc<World>, mut called: UnboundedReceiver<(Mark, Instant)>) {
    while let Some((mark, at)) = called.recv().await {
        let found = world.waiting.borrow_mut().remove(&mark);
        if let Some((posted, waiter)) = found {
            if !world.hangs(mark.contact) {
                world.answered.set(world.answered.get() + 1);
                world.micros.borrow_mut().push(at.duration_since(posted).as_micros() as u32);
            }
            let _ = waiter.send(());
        }
        let _ = world.receipts.send((mark, at + DELIVERED_AFTER));
    }
}

/// One customer after another, until the time is over.
async fn customer(world: Rc<World>) {
    let Ok(mut connection) = Connection::open(&world.options.target).await else { return };
    tokio::time::sleep_until(world.start.into()).await;
    loop {
        let turn = world.turn.get();
        world.turn.set(turn + 1);
        let (contact, round) = world.options.contact(turn);
        let first = AT_ONCE * round;
        let marks = (0..AT_ONCE).map(|i| Mark { contact, nth: first + i });
        // Made and signed before its time is measured.
        let requests: Vec<_> = marks.map(|mark| (mark, world.maker.message(mark))).collect();
        let mut from = Instant::now();
        if let Some(rate) = world.options.rate {
            let due = world.start + Duration::from_secs_f64(f64::from(turn * AT_ONCE) / rate);
            if due < world.end && due > from {
                tokio::time::sleep_until(due.into()).await;
                from = Instant::now();
            } else {
                from = due;
            }
        }
        if from >= world.end {
            return;
        }
        let mut answers = Vec::new();
        for (mark, request) in requests {
            let (waiter, answer) = oneshot::channel();
            world.waiting.borrow_mut().insert(mark, (from, waiter));
            match connection.exchange(&request).await {
                Ok(200) if world.hangs(contact) => {}
                Ok(200) => world.acknowledged.set(world.acknowledged.get() + 1),
                Ok(_) => world.refused.set(world.refused.get() + 1),
                Err(_) => {
                    world.refused.set(world.refused.get() + 1);
                    return;
                }
            }
            answers.push(answer);
            from = Instant::now();
        }
        if world.hangs(contact) {
            // Nobody waits for these: what they hold up would be seen with the others.
            continue;
        }
        for answer in answers {
            if tokio::time::timeout(LOST_AFTER, answer).await.is_err() {
                return;
            }
        }
    }
}

/// Posts receipts when they are due.
async fn post_receipts(world: Rc<World>, queue: Rc<tokio::sync::Mutex<UnboundedReceiver<(Mark, Instant)>>>) {
    let Ok(mut connection) = Connection::open(&world.options.target).await else { return };
    loop {
        let next = queue.lock().await.recv().await;
        let Some((mark, due)) = next else { return };
        let request = world.maker.delivered(mark);
        tokio::time::sleep_until(due.into()).await;
        match connection.exchange(&request).await {
            Ok(200) => world.loops.set(world.loops.get() + 1),
            Ok(_) => world.refused.set(world.refused.get() + 1),
            Err(_) => return,
        }
    }
}
