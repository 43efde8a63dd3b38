//! One detector with the rows of its incidents: real platforms, or the sandbox's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use everthread_channels::spec::CatchUp;
use everthread_core::continuity::Course;
use everthread_core::directory::AccountFault;
use everthread_core::health::{Config, Detector, Finding, Incident, IncidentKey, Phase, Scope, sure, what};
use everthread_core::history;
use everthread_core::ids::{AccountId, IncidentId, WorkspaceId};
use everthread_core::routing::Names;
use everthread_core::time::Span;
use everthread_store::Store;
use everthread_store::read::continuity::{Incidents, LoadHealth};
use everthread_store::units::{FindingRow, KnownFault, NewGap, NewReading, SaveHealth, SavedIncident};

use super::handle::Known;
use super::words::Words;
use crate::clock;
use crate::effects::Effects;
use crate::registry::{Account, Registry};

/// Open incidents read at the start: far more than a hub ever has.
const OPEN_MAX: u32 = 500;

/// A detector and what it has stored.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) sandbox: bool,
    pub(super) detector: Detector,
    pub(super) course: Course,
    saved: BTreeMap<IncidentKey, SavedIncident>,
}

impl Side {
    /// Takes up what the last process knew. A state that can't be read is started over: evidence comes again.
    pub(super) async fn load(
        store: &Store,
        name: &'static str,
        sandbox: bool,
    ) -> Result<Self, everthread_store::Error> {
        let body = store.read(LoadHealth { detector: name.to_owned() }).await?;
        let detector = body.and_then(|body| match serde_json::from_str(&body) {
            Ok(detector) => Some(detector),
            Err(error) => {
                tracing::warn!(%error, detector = name, "the stored state of channel health can't be read; it starts anew");
                None
            }
        });
        let detector: Detector = detector.unwrap_or_else(|| Detector::new(Config::default()));
        let rows = store.read(Incidents { open_only: true, before: None, limit: OPEN_MAX }).await?;
        let saved = rows
            .into_iter()
            .filter(|row| row.detector == name)
            .map(|row| {
                let key = IncidentKey(row.key.cast_unsigned());
                (key, SavedIncident { key, id: row.id, number: row.number })
            })
            .collect();
        Ok(Self { name, sandbox, detector, course: Course::default(), saved })
    }

    /// Accounts that it judges.
    pub(super) fn members(&mut self, registry: &Registry) {
        let mine = registry.accounts().filter(|account| account.sandbox == self.sandbox);
        self.detector.members(mine.map(|account| account.member()));
    }

    /// Stores the state and what was found.
    pub(super) async fn save(
        &mut self,
        store: &Store,
        effects: &Effects,
        (found, registry): (&[Finding], &Registry),
    ) -> Result<(), everthread_store::Error> {
        let members = self.detector.all_members();
        let findings = found
            .iter()
            .filter_map(|finding| {
                let attributed = finding.incident.attribution.attributed(&members)?;
                let scope = finding.incident.scope()?;
                let (readings, gaps) = self.missed(finding, &attributed, registry);
                let mut workspaces = touched(registry, scope, self.sandbox);
                workspaces.extend(readings.iter().map(|reading| reading.workspace));
                workspaces.extend(gaps.iter().map(|gap| gap.workspace));
                workspaces.sort_unstable();
                workspaces.dedup();
                Some(FindingRow {
                    lines: lines(finding, registry),
                    workspaces,
                    readings,
                    gaps,
                    incident: finding.incident.clone(),
                    attributed,
                })
            })
            .collect();
        let unit = SaveHealth {
            now: clock::now(),
            seed: clock::seed(),
            detector: self.name.to_owned(),
            body: serde_json::to_string(&self.detector)?,
            findings,
        };
        let (saved, after) = store.write(unit).await?;
        for row in saved {
            self.saved.insert(row.key, row);
        }
        let open = |key: &IncidentKey| self.detector.incidents().iter().any(|incident| incident.key == *key);
        self.saved.retain(|key, _| open(key));
        effects.committed(after);
        Ok(())
    }

    /// What has to be read back now that it is over, and where that can't be done. Everything in the scope that routing keeps out of:
    /// who can't send often hears nothing either, and reading what is known costs little.
    fn missed(
        &self,
        finding: &Finding,
        attributed: &Scope,
        registry: &Registry,
    ) -> (Vec<NewReading>, Vec<NewGap>) {
        let incident = &finding.incident;
        let (mut readings, mut gaps) = (Vec::new(), Vec::new());
        let Some(since) = history::read_from(incident).filter(|_| !finding.scope_only) else {
            return (readings, gaps);
        };
        let inside =
            |account: &&Arc<Account>| account.sandbox == self.sandbox && attributed.holds(&account.member());
        for account in registry.accounts().filter(inside) {
            let (id, workspace) = (account.id, account.workspace);
            let queue = match account.channel.spec().catch_up {
                CatchUp::History => {
                    readings.push(NewReading { workspace, account: id, since });
                    continue;
                }
                CatchUp::Kept => continue,
                CatchUp::Queue(span) => span,
                CatchUp::Nothing => Span::ZERO,
            };
            if let Some((since, until)) = history::gap(incident, queue, clock::now()) {
                gaps.push(NewGap { workspace, account: id, since, until });
            }
        }
        (readings, gaps)
    }

    /// Open incidents with their rows.
    pub(super) fn known(&self) -> Vec<Known> {
        let members = self.detector.all_members();
        self.detector
            .incidents()
            .iter()
            .filter_map(|incident| {
                let saved = self.saved.get(&incident.key)?;
                Some(Known {
                    id: saved.id,
                    number: saved.number,
                    sandbox: self.sandbox,
                    incident: incident.clone(),
                    attributed: incident.attribution.attributed(&members)?,
                })
            })
            .collect()
    }

    /// As routing sees them.
    pub(super) fn faults(&self) -> Vec<KnownFault> {
        self.known().iter().map(|known| KnownFault { id: known.id, fault: known.fault() }).collect()
    }

    /// The row of an incident.
    pub(super) fn row(&self, key: IncidentKey) -> Option<IncidentId> {
        self.saved.get(&key).map(|saved| saved.id)
    }

    /// What the store's units must know of accounts that are shut.
    pub(super) fn faults_of(
        &self,
        shut: &[(AccountId, IncidentKey)],
        registry: &Registry,
        out: &mut HashMap<AccountId, AccountFault>,
    ) {
        for (account, key) in shut {
            let Some(saved) = self.saved.get(key) else { continue };
            let Some(incident) = self.detector.incidents().iter().find(|i| i.key == *key) else { continue };
            let doing =
                if incident.phase == Phase::Suspect { "being checked" } else { "carried on where possible" };
            let what = what(incident, |scope| Words(registry).scope(scope));
            let reason = format!("{what} (incident {}); {doing}", saved.number);
            out.insert(*account, AccountFault { incident: saved.id, reason });
        }
    }
}

/// Workspaces with an account in a scope.
fn touched(registry: &Registry, scope: &Scope, sandbox: bool) -> Vec<WorkspaceId> {
    let mut out: Vec<WorkspaceId> = registry
        .accounts()
        .filter(|account| account.sandbox == sandbox)
        .filter(|account| scope.holds(&account.member()))
        .map(|account| account.workspace)
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// The timeline's lines for one change.
fn lines(finding: &Finding, registry: &Registry) -> Vec<(String, String)> {
    let incident: &Incident = &finding.incident;
    // Every workspace that it reaches reads these lines: accounts have no names in them.
    let words = |scope: &Scope| match scope {
        Scope::Account(_) => "one account".to_owned(),
        scope => Words(registry).scope(scope),
    };
    let what = what(incident, words);
    let sure = sure(&incident.attribution, words);
    let line = |kind: &str, text: String| (kind.to_owned(), text);
    if finding.scope_only {
        return vec![line("scope", format!("Weighed again: {sure}."))];
    }
    let bad: u64 = incident.evidence.iter().map(|line| line.bad).sum();
    let accounts = incident.accounts_hit();
    match incident.phase {
        Phase::Suspect => {
            vec![line("suspect", format!("{what}. Likely: {sure}. Messages are held while it is checked."))]
        }
        Phase::Confirmed if incident.declared => vec![line("confirmed", format!("{what}."))],
        Phase::Confirmed => vec![line(
            "confirmed",
            format!(
                "Confirmed: {what}. {bad} bad signs on {accounts} of our accounts. Likely: {sure}. Not confirmed by the platform."
            ),
        )],
        Phase::Recovering => {
            vec![line(
                "recovering",
                "Real messages and probes succeed again. What waits goes out slowly at first.".into(),
            )]
        }
        Phase::Closed if incident.confirmed_at.is_none() => {
            vec![line("closed", "It was nothing lasting: closed without being confirmed.".into())]
        }
        Phase::Closed => vec![line("closed", "Over.".into())],
    }
}
