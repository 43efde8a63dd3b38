//! What customers do when a platform fails: they notice, write over another one that they have too, open the link that the business sends,
//! and come back afterwards.

use std::sync::Arc;

use crate::account::{Account, Platform};
use crate::customers::{Act, act};
use crate::fault::troubled;
use crate::page::{Form, first_form, link_in, origin};
use crate::script;
use crate::world::{State, World};

/// Share of those who get no answer from a failing platform and write elsewhere; the others wait, or ask again in vain.
const ELSEWHERE: f64 = 0.7;

/// Share of those who open a link into the business's own chat; the others answer where they got it.
const OPENS_LINK: f64 = 0.5;

/// Share of those who come back to the first platform once it works.
const COMES_BACK: f64 = 0.8;

/// How often somebody who went elsewhere looks whether the first platform works again, in milliseconds of life.
const LOOKS_AGAIN_MS: u64 = 60_000;

/// The most bytes of a page that are read: far more than a page with one form has.
const PAGE_BYTES_MAX: usize = 256 * 1024;

/// How long a page may take.
const PAGE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Messages that a person has heard from a business, over all its accounts (those of one name).
pub(crate) fn heard_anywhere(state: &State, business: &str, key: &str) -> u32 {
    let ours = state.accounts.values().filter(|account| account.view.name == business);
    ours.filter_map(|account| account.customers.get(key)).map(|customer| customer.mind.heard).sum()
}

/// Somebody waits in vain on an account. If its platform fails, some write over another account of the business; true for those.
pub(crate) fn notice(world: &Arc<World>, account_id: &str, key: &str) -> bool {
    let now = world.now_ms();
    let (other, text) = {
        let mut state = world.state();
        let State { accounts, faults, .. } = &mut *state;
        let Some(account) = accounts.get(account_id) else { return false };
        let platform = account.view.platform;
        if !troubled(faults, now, platform, account_id) {
            return false;
        }
        let Some(mut rng) = account.customers.get(key).map(|customer| customer.rng.clone()) else {
            return false;
        };
        let goes = rng.chance(ELSEWHERE);
        let ways: Vec<&str> = accounts
            .values()
            .filter(|other| same_person(account, other, key))
            .filter(|other| !troubled(faults, now, other.view.platform, &other.view.id))
            .map(|other| other.view.id.as_str())
            .collect();
        let way = (goes && !ways.is_empty()).then(|| (*rng.pick(&ways)).to_owned());
        let Some(customer) = accounts.get_mut(account_id).and_then(|a| a.customers.get_mut(key)) else {
            return false;
        };
        customer.rng = rng;
        let Some(way) = way else { return false };
        (way, script::elsewhere(&customer.person, platform.title()))
    };
    let wrote = act(world, &other, key, Act::say(text)).is_ok();
    if wrote {
        look_again(world, account_id, key);
    }
    wrote
}

/// Whether another account is the same business's, and the person can be written from there.
fn same_person(account: &Account, other: &Account, key: &str) -> bool {
    let (Some(here), Some(there)) = (account.customers.get(key), other.customers.get(key)) else {
        return false;
    };
    other.view.id != account.view.id
        && other.view.name == account.view.name
        && here.person.phone == there.person.phone
        && !(there.gone || there.blocked || there.opted_out || there.offline)
}

fn look_again(world: &Arc<World>, account: &str, key: &str) {
    let (account, key) = (account.to_owned(), key.to_owned());
    let due = world.now_ms() + world.lived(LOOKS_AGAIN_MS);
    world.at(due, move |world| come_back(world, &account, &key));
}

/// Writes on the first platform again, once it works.
fn come_back(world: &Arc<World>, account_id: &str, key: &str) {
    let now = world.now_ms();
    let text = {
        let mut state = world.state();
        let State { accounts, faults, chatter, .. } = &mut *state;
        let Some(account) = accounts.get_mut(account_id).filter(|_| *chatter) else { return };
        let platform: Platform = account.view.platform;
        let down = troubled(faults, now, platform, account_id);
        let Some(customer) = account.customers.get_mut(key) else { return };
        if down {
            drop(state);
            return look_again(world, account_id, key);
        }
        if customer.gone || customer.blocked || !customer.rng.chance(COMES_BACK) {
            return;
        }
        script::back(&customer.person, platform.title())
    };
    // A platform that refuses it now leaves them where they are.
    let _ = act(world, account_id, key, Act::say(text));
}

/// The link in a message that leads to the business itself, for those customers who open links.
pub(crate) fn wanted_link(
    world: &World,
    state: &mut State,
    account_id: &str,
    key: &str,
    text: &str,
) -> Option<String> {
    let link = link_in(text)?;
    let business = &state.accounts.get(account_id)?.view.name;
    let hooks = state.accounts.values().filter(|account| account.view.name == *business);
    let mut homes = hooks.filter_map(|account| account.view.webhook_url.as_deref());
    let own = world.config.business_url.as_deref();
    let home = own.into_iter().chain(homes.by_ref()).any(|url| origin(url) == origin(link));
    let customer = state.accounts.get_mut(account_id)?.customers.get_mut(key)?;
    (home && customer.rng.chance(OPENS_LINK)).then(|| link.to_owned())
}

/// Opens a link the way a browser does: reads the page, presses its only button. False where there was nothing to press.
pub(crate) async fn open_link(world: &Arc<World>, account_id: &str, link: &str) -> bool {
    let Some(form) = page(world, link).await else { return false };
    count(world, account_id, false);
    let body: Vec<String> = form
        .fields
        .iter()
        .map(|(name, value)| format!("{}={}", crate::wire::escape(name), crate::wire::escape(value)))
        .collect();
    let mut request = world.http.post(&form.action).timeout(PAGE_PATIENCE);
    if !form.cookies.is_empty() {
        request = request.header("Cookie", form.cookies.join("; "));
    }
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body.join("&"));
    let pressed = request.send().await;
    let good = pressed.is_ok_and(|answer| answer.status().is_success() || answer.status().is_redirection());
    if good {
        count(world, account_id, true);
    }
    good
}

fn count(world: &World, account_id: &str, redeemed: bool) {
    if let Some(account) = world.state().accounts.get_mut(account_id) {
        let counts = &mut account.book.counts;
        let counter = if redeemed { &mut counts.links_redeemed } else { &mut counts.links_opened };
        *counter += 1;
    }
}

/// The page's form, with the cookies that came along.
async fn page(world: &World, link: &str) -> Option<Form> {
    let request = world.http.get(link).header("Accept", "text/html").timeout(PAGE_PATIENCE);
    let mut answer = request.send().await.ok().filter(|answer| answer.status().is_success())?;
    let set = answer.headers().get_all("set-cookie").iter();
    let cookies: Vec<String> =
        set.filter_map(|c| c.to_str().ok()?.split(';').next().map(str::to_owned)).collect();
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > PAGE_BYTES_MAX {
            return None;
        }
    }
    let form = first_form(link, &String::from_utf8_lossy(&bytes))?;
    Some(Form { cookies, ..form })
}
