//! Probes of every account: seldom while all is well, often while something is in question.

use std::collections::HashMap;
use std::sync::Arc;

use everthread_core::health::{Config, Observation, Signal};
use everthread_core::ids::AccountId;
use everthread_core::outcome::{ErrorClass, Outcome};
use everthread_core::time::{Span, Timestamp};
use tokio::sync::mpsc;

use super::handle::{Observer, Probed};
use crate::clock;
use crate::http::{Answer, Client};
use crate::registry::Account;
use crate::supervisor::{Supervisor, TaskKind};

/// Between two probes of one account while all is well.
const SELDOM: Span = Span::mins(2);

/// The same while its company is in question.
const OFTEN: Span = Span::secs(30);

/// Probes under way at once.
const PROBES_MAX: usize = 32;

/// What a probe showed, for the page on channel health.
pub(super) struct Result {
    pub(super) account: AccountId,
    pub(super) levels: Vec<(&'static str, Probed)>,
    /// The credential was accepted.
    pub(super) token_ok: bool,
}

/// Probes accounts in turn.
pub(super) struct Prober {
    client: Client,
    observer: Observer,
    supervisor: Supervisor,
    public_url: Arc<str>,
    results: mpsc::UnboundedSender<Result>,
    next: HashMap<AccountId, Timestamp>,
    running: usize,
}

impl Prober {
    pub(super) fn new(
        client: Client,
        observer: Observer,
        supervisor: Supervisor,
        public_url: Arc<str>,
        results: mpsc::UnboundedSender<Result>,
    ) -> Self {
        Self { client, observer, supervisor, public_url, results, next: HashMap::new(), running: 0 }
    }

    /// Starts the probes that are due. `often` says whether an account's company is in question, `config` how its detector judges.
    pub(super) fn start_due<'a>(
        &mut self,
        accounts: impl Iterator<Item = &'a Arc<Account>>,
        now: Timestamp,
        often: impl Fn(&Account) -> bool,
        config: impl Fn(&Account) -> Config,
    ) {
        let mut known = std::mem::take(&mut self.next);
        for account in accounts {
            let wait = config(account).paced(if often(account) { OFTEN } else { SELDOM });
            // A first probe after a while and at a time of its own: a hub that has just started has better to do, and a hundred
            // accounts do not come at once.
            let spread = Span::micros(account.id.0.rem_euclid(97) * wait.as_micros() / 97);
            let due = known.remove(&account.id).map_or(now + wait + spread, |due| due.min(now + wait));
            if due > now || self.running >= PROBES_MAX {
                self.next.insert(account.id, due);
                continue;
            }
            self.next.insert(account.id, now + wait);
            self.probe(Arc::clone(account));
        }
    }

    /// A probe has ended.
    pub(super) fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    fn probe(&mut self, account: Arc<Account>) {
        let Some(request) = account.channel.messaging_probe(&account.view(&self.public_url)) else { return };
        self.running += 1;
        let (client, observer, results) = (self.client.clone(), self.observer.clone(), self.results.clone());
        self.supervisor.spawn(TaskKind::Continuity, async move {
            let answer = client.call(&request).await;
            let at = clock::now();
            let (signals, detail) = judge(&account, &answer);
            let mut levels = vec![(
                "edge",
                Probed { at, ok: matches!(answer, Answer::Http { .. }), detail: String::new() },
            )];
            for (signal, bad) in signals {
                let seen =
                    Observation { at, account: account.id, signal, bad, peer: None, detail: detail.clone() };
                observer.see(seen);
                let probed =
                    Probed { at, ok: !bad, detail: if bad { detail.clone() } else { String::new() } };
                levels.push((signal.as_str(), probed));
            }
            let token_ok = levels.iter().any(|(level, probed)| *level == "token" && probed.ok);
            let _ = results.send(Result { account: account.id, levels, token_ok });
            Ok::<_, std::convert::Infallible>(())
        });
    }
}

/// What an answer says: signals with "bad", and the provider's words.
fn judge(account: &Account, answer: &Answer) -> (Vec<(Signal, bool)>, String) {
    if let Answer::Http { status: 200..=299, .. } = answer {
        return (
            vec![(Signal::Messaging, false), (Signal::Token, false), (Signal::Edge, false)],
            String::new(),
        );
    }
    let edge = (Signal::Edge, !matches!(answer, Answer::Http { .. }));
    match account.channel.classify(&answer.wire()) {
        Outcome::Accepted { .. } => {
            (vec![(Signal::Messaging, false), (Signal::Token, false), edge], String::new())
        }
        Outcome::Uncertain { reason } => {
            (vec![(Signal::Messaging, true), edge], format!("{} {}", reason.code, reason.text))
        }
        Outcome::NotExecuted { class, reason, .. } | Outcome::Refused { class, reason } => {
            let detail = format!("{} {}", reason.code, reason.text);
            let signals = match class {
                ErrorClass::Auth => vec![(Signal::Token, true), edge],
                ErrorClass::PlatformOutage | ErrorClass::UnknownOutcome => {
                    vec![(Signal::Messaging, true), edge]
                }
                // Throttled, or a mistake of ours: no evidence.
                _ => vec![edge],
            };
            (signals, detail)
        }
    }
}
