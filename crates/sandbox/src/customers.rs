//! What customers do: write, press, react; get messages, read them, answer.

use std::sync::Arc;

use crate::account::{Account, Platform};
use crate::book::{Button, Message, Stage};
use crate::people::Customer;
use crate::script::{self, Answer};
use crate::trouble::{heard_anywhere, open_link, wanted_link};
use crate::world::World;
use crate::{Error, deliver, graph, telegram, trouble, twilio};

/// Something said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// text, image, video, voice, audio, document, sticker, location, contact.
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) reply_to: Option<String>,
    /// The `ref` of the link they came by (Instagram), or the ad (WhatsApp).
    pub(crate) referral: Option<String>,
    /// An earlier time to carry, for late messages.
    pub(crate) at_ms: Option<i64>,
}

/// One act of a customer (`Typed` is the business's, in the platform's own app).
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Say(Said),
    Press { message_id: String, button: Button },
    React { message_id: String, emoji: Option<String> },
    Edit { message_id: String, text: String },
    Unsend { message_id: String },
    Block(bool),
    Typed(String),
}

impl Act {
    pub(crate) fn say(text: impl Into<String>) -> Self {
        Self::Say(Said { kind: "text".to_owned(), text: text.into(), ..Said::default() })
    }

    /// Whether it opens the reply window.
    fn writes(&self) -> bool {
        matches!(self, Self::Say(_) | Self::Press { .. })
    }
}

/// Does it, and sends the webhooks that follow. Returns the platform's id of what was written. Fails if there is no
/// such account or customer, or the platform has no such thing.
pub(crate) fn act(world: &Arc<World>, account_id: &str, key: &str, act: Act) -> Result<String, Error> {
    let now = world.now_ms();
    let mut state = world.state();
    let account = state.accounts.get_mut(account_id).ok_or_else(|| refused("no such account"))?;
    let customer = account.customers.get_mut(key).ok_or_else(|| refused("no such customer"))?;
    if act.writes() {
        let at = if let Act::Say(Said { at_ms: Some(at), .. }) = &act { *at } else { now };
        customer.last_wrote_ms = Some(customer.last_wrote_ms.unwrap_or(at).max(at));
    }
    let customer = customer.clone();
    let result = match account.view.platform {
        Platform::Telegram => telegram::act(account, &customer, act, now),
        Platform::Whatsapp => graph::whatsapp_act(account, &customer, act, now),
        Platform::Instagram | Platform::Messenger => graph::direct_act(world, account, &customer, act, now),
        Platform::Twilio => twilio::act(world, account, &customer, act, now),
    };
    deliver::flush(world, &mut state, account_id);
    result
}

/// An error of a control action.
pub(crate) fn refused(why: impl Into<String>) -> Error {
    Error::Refused(why.into())
}

/// The message a customer means: an id, or the newest message of the business to them if empty.
pub(crate) fn meant<'a>(account: &'a Account, customer: &Customer, id: &str) -> Option<&'a Message> {
    if id.is_empty() {
        return account
            .book
            .iter()
            .rev()
            .map(|(_, m)| m)
            .find(|m| m.customer == customer.key && m.author == crate::book::Author::Business);
    }
    account.book.get(id).or_else(|| account.book.get(&format!("{}:{id}", customer.address)))
}

/// Sends an accepted message on its way to the customer.
pub(crate) fn travel(world: &Arc<World>, account: &mut Account, id: &str) {
    let now = world.now_ms();
    let first = match account.view.platform {
        Platform::Telegram | Platform::Instagram | Platform::Messenger => Stage::Delivered,
        Platform::Whatsapp | Platform::Twilio => Stage::Sent,
    };
    let wait = world.lived(account.rng.range(60, 300));
    later(world, now + wait, &account.view.id, id, first);
}

fn later(world: &Arc<World>, due: i64, account: &str, id: &str, stage: Stage) {
    let (account, id) = (account.to_owned(), id.to_owned());
    world.at(due, move |world| step(world, &account, &id, stage));
}

/// Moves a message one stage on.
pub(crate) fn step(world: &Arc<World>, account_id: &str, id: &str, stage: Stage) {
    let now = world.now_ms();
    let mut state = world.state();
    let replies = state.replies;
    let Some(account) = state.accounts.get_mut(account_id) else { return };
    let Some(message) = account.book.get_mut(id) else { return };
    if message.lost || message.deleted || message.state == Stage::Failed {
        return;
    }
    let key = message.customer.clone();
    let offline = account.customers.get(&key).is_some_and(|c| c.offline);
    if offline && stage > Stage::Sent {
        return;
    }
    if !message.raise(stage, now) {
        return;
    }
    match stage {
        Stage::Delivered => account.book.counts.delivered += 1,
        Stage::Read => account.book.counts.read += 1,
        Stage::Failed => account.book.counts.failed += 1,
        Stage::Accepted | Stage::Sent => {}
    }
    receipt(account, id, now);
    let pace = account.customers.get(&key).map_or(100, |c| c.pace);
    let platform = account.view.platform;
    match stage {
        Stage::Sent => {
            let wait = world.lived(account.rng.range(150, 900));
            later(world, now + wait, account_id, id, Stage::Delivered);
        }
        Stage::Delivered => {
            let wait = world.lived(account.rng.range(1_000, 6_000) * pace / 100);
            if platform != Platform::Twilio {
                later(world, now + wait, account_id, id, Stage::Read);
            }
            if replies {
                hear(world, account, &key, id, wait);
            }
        }
        Stage::Accepted | Stage::Failed | Stage::Read => {}
    }
    deliver::flush(world, &mut state, account_id);
}

/// Tells the business of a message's new state, where the platform does so.
fn receipt(account: &mut Account, id: &str, now: i64) {
    match account.view.platform {
        Platform::Telegram => {}
        Platform::Whatsapp => graph::whatsapp_receipt(account, id, now),
        Platform::Instagram | Platform::Messenger => graph::direct_receipt(account, id, now),
        Platform::Twilio => twilio::receipt(account, id),
    }
}

/// Fails an accepted message after a while.
pub(crate) fn fail(world: &Arc<World>, account: &mut Account, id: &str, code: i64) {
    if let Some(message) = account.book.get_mut(id) {
        message.error = Some(code);
    }
    let wait = world.lived(account.rng.range(200, 800));
    later(world, world.now_ms() + wait, &account.view.id, id, Stage::Failed);
}

/// Brings what waited for an offline customer.
pub(crate) fn back_online(world: &Arc<World>, account_id: &str, key: &str) {
    let now = world.now_ms();
    let state = world.state();
    let Some(account) = state.accounts.get(account_id) else { return };
    let waiting = account.book.iter().filter(|(_, m)| {
        m.customer == key && m.author == crate::book::Author::Business && m.state <= Stage::Sent
    });
    for (_, message) in waiting {
        later(world, now, account_id, &message.id, Stage::Delivered);
    }
}

/// The customer has a message in hand: plans the answer.
fn hear(world: &Arc<World>, account: &mut Account, key: &str, id: &str, read_after: i64) {
    let Some(customer) = account.customers.get_mut(key) else { return };
    customer.mind.heard += 1;
    let heard = customer.mind.heard;
    let typing = customer.rng.range(2_000, 9_000) * customer.pace / 100;
    let due = world.now_ms() + read_after + world.lived(typing);
    let (account, key, id) = (account.view.id.clone(), key.to_owned(), id.to_owned());
    world.at(due, move |world| reply(world, &account, &key, &id, heard));
}

/// Answers a message, unless a newer one came meanwhile: by the link in it, or in words.
fn reply(world: &Arc<World>, account_id: &str, key: &str, id: &str, heard: u32) {
    let link = {
        let mut state = world.state();
        let text = state.accounts.get(account_id).and_then(|a| a.book.get(id)).map(|m| m.text.clone());
        text.and_then(|text| wanted_link(world, &mut state, account_id, key, &text))
    };
    let Some(link) = link else { return speak(world, account_id, key, id, heard) };
    let (world, account) = (world.clone(), account_id.to_owned());
    let (key, id) = (key.to_owned(), id.to_owned());
    world.clone().spawn(async move {
        if !open_link(&world, &account, &link).await {
            speak(&world, &account, &key, &id, heard);
        }
    });
}

/// Answers a message in words, unless a newer one came meanwhile.
fn speak(world: &Arc<World>, account_id: &str, key: &str, id: &str, heard: u32) {
    let what = {
        let mut state = world.state();
        if !state.replies {
            return;
        }
        let Some(account) = state.accounts.get_mut(account_id) else { return };
        let Some(message) = account.book.get(id) else { return };
        let (text, buttons) = (message.text.clone(), message.buttons.clone());
        let Some(customer) = account.customers.get_mut(key) else { return };
        if customer.mind.heard != heard || customer.blocked || customer.opted_out || customer.gone {
            return;
        }
        let Customer { person, mind, rng, .. } = customer;
        script::answer(person, mind, rng, &text, &buttons)
    };
    let act_of = match what {
        Answer::Say(text) => Act::say(text),
        Answer::Press(button) => Act::Press { message_id: id.to_owned(), button },
        Answer::React(emoji) => Act::React { message_id: id.to_owned(), emoji: Some(emoji.to_owned()) },
        Answer::Nothing => return,
    };
    // A platform without reactions refuses them here; the customer then does nothing.
    let _ = act(world, account_id, key, act_of);
}

/// Switches spontaneous writing and answering.
pub(crate) fn switch(world: &Arc<World>, on: bool, replies: bool) {
    let mut state = world.state();
    state.replies = replies;
    let begins = on && !state.chatter;
    state.chatter = on;
    if begins {
        state.chatter_round += 1;
    }
    let ids: Vec<String> = state.accounts.keys().cloned().collect();
    drop(state);
    if begins {
        for id in ids {
            settle_in(world, &id);
        }
    }
}

/// Plans the first words of every customer of an account.
pub(crate) fn settle_in(world: &Arc<World>, account_id: &str) {
    let now = world.now_ms();
    let mut state = world.state();
    if !state.chatter {
        return;
    }
    let round = state.chatter_round;
    let Some(account) = state.accounts.get_mut(account_id) else { return };
    let crowd = account.customers.values().filter(|customer| customer.opens).count() as u64;
    for customer in account.customers.values_mut().filter(|customer| customer.opens) {
        // The first writes within seconds; a crowd spreads over minutes.
        let wait = customer.rng.range(1_000, 8_000 + crowd * 6_000);
        plan_opening(world, now + world.lived(wait), account_id, &customer.key, round);
    }
}

fn plan_opening(world: &Arc<World>, due: i64, account_id: &str, key: &str, round: u64) {
    let (account, key) = (account_id.to_owned(), key.to_owned());
    world.at(due, move |world| begin(world, &account, &key, round));
}

/// A customer begins a conversation, and plans the next one.
fn begin(world: &Arc<World>, account_id: &str, key: &str, round: u64) {
    let now = world.now_ms();
    let (said, heard, next, patience) = {
        let mut state = world.state();
        if !state.chatter || state.chatter_round != round {
            return;
        }
        let Some(account) = state.accounts.get_mut(account_id) else { return };
        let Some(customer) = account.customers.get_mut(key) else { return };
        let Customer { person, mind, rng, pace, .. } = customer;
        let text = script::open(person, mind, rng);
        let kind = if rng.chance(0.12) { "image" } else { "text" };
        let next = world.lived(rng.range(180_000, 900_000) * *pace / 100);
        let patience = world.lived(rng.range(60_000, 150_000) * *pace / 100);
        let said = Said { kind: kind.to_owned(), text, ..Said::default() };
        let silent = customer.gone || customer.blocked || customer.opted_out;
        let business = account.view.name.clone();
        let heard = heard_anywhere(&state, &business, key);
        ((!silent).then_some(said), heard, next, patience)
    };
    if let Some(said) = said
        && act(world, account_id, key, Act::Say(said)).is_ok()
    {
        let (account, key) = (account_id.to_owned(), key.to_owned());
        world.at(now + patience, move |world| grow_impatient(world, &account, &key, heard));
    }
    plan_opening(world, now + next, account_id, key, round);
}

/// Asks again if nobody has answered on any platform; elsewhere, if this one fails.
fn grow_impatient(world: &Arc<World>, account_id: &str, key: &str, heard: u32) {
    {
        let state = world.state();
        let Some(account) = state.accounts.get(account_id) else { return };
        let Some(customer) = account.customers.get(key) else { return };
        let answered = heard_anywhere(&state, &account.view.name, key) != heard;
        if !state.chatter || answered || customer.gone || customer.opted_out {
            return;
        }
    }
    if trouble::notice(world, account_id, key) {
        return;
    }
    let text = {
        let mut state = world.state();
        let Some(account) = state.accounts.get_mut(account_id) else { return };
        let Some(customer) = account.customers.get_mut(key) else { return };
        script::nudge(&customer.person, &mut customer.mind)
    };
    let _ = act(world, account_id, key, Act::say(text));
}
