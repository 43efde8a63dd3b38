//! Probes of accounts; core's course says when.

use std::sync::Arc;

use everthread_core::health::of_probe;
use everthread_core::ids::AccountId;
use everthread_core::outcome::Outcome;
use tokio::sync::mpsc;

use super::handle::{Observer, Probed};
use crate::clock;
use crate::http::{Answer, Client};
use crate::registry::Account;
use crate::supervisor::{Supervisor, TaskKind};

/// Probes under way at once.
const PROBES_MAX: usize = 32;

/// What a probe showed, for the page on channel health.
pub(super) struct Result {
    pub(super) account: AccountId,
    pub(super) levels: Vec<(&'static str, Probed)>,
    /// The credential was accepted.
    pub(super) token_ok: bool,
}

/// Probes accounts.
pub(super) struct Prober {
    client: Client,
    observer: Observer,
    supervisor: Supervisor,
    public_url: Arc<str>,
    results: mpsc::UnboundedSender<Result>,
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
        Self { client, observer, supervisor, public_url, results, running: 0 }
    }

    /// How many more may be under way.
    pub(super) const fn room(&self) -> usize {
        PROBES_MAX.saturating_sub(self.running)
    }

    /// A probe has ended.
    pub(super) fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Probes an account, where its channel has a probe.
    pub(super) fn probe(&mut self, account: Arc<Account>) {
        let Some(request) = account.channel.messaging_probe(&account.view(&self.public_url)) else { return };
        self.running += 1;
        let (client, observer, results) = (self.client.clone(), self.observer.clone(), self.results.clone());
        self.supervisor.spawn(TaskKind::Continuity, async move {
            let answer = client.call(&request).await;
            let at = clock::now();
            let outcome = match &answer {
                Answer::Http { status: 200..=299, .. } => Outcome::Accepted { provider_id: String::new() },
                answer => account.channel.classify(&answer.wire()),
            };
            let reached = matches!(answer, Answer::Http { .. });
            let mut levels = Vec::new();
            for seen in of_probe(at, account.id, reached, &outcome) {
                levels
                    .push((seen.signal.as_str(), Probed { at, ok: !seen.bad, detail: seen.detail.clone() }));
                observer.see(seen);
            }
            let token_ok = levels.iter().any(|(level, probed)| *level == "token" && probed.ok);
            let _ = results.send(Result { account: account.id, levels, token_ok });
            Ok::<_, std::convert::Infallible>(())
        });
    }
}
