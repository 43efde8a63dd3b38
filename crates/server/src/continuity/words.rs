//! People's words for channels, companies and accounts.

use everthread_core::health::Scope;
use everthread_core::routing::Names;

use crate::registry::Registry;

/// Names from the channels' data and the accounts.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a>(pub &'a Registry);

impl Names for Words<'_> {
    fn channel(&self, word: &str) -> String {
        everthread_channels::find(word)
            .map_or_else(|| word.to_owned(), |channel| channel.spec().title.to_owned())
    }

    fn scope(&self, scope: &Scope) -> String {
        match scope {
            Scope::Account(id) => match self.0.account(*id) {
                Some(account) => format!("our account {}", account.name),
                None => "an account that was removed".to_owned(),
            },
            Scope::Channel(word) => self.channel(word),
            Scope::Company(group) => company(group),
            Scope::Network => "our own network".to_owned(),
        }
    }

    fn cost(&self, millionths: i64) -> String {
        format!("{:.2}", millionths as f64 / 1e6)
    }
}

/// The company behind a fate group, as people write it.
fn company(group: &str) -> String {
    let mut letters = group.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
