//! A data folder to measure on: one app, many numbers, at most one rule.

use std::path::{Path, PathBuf};

use everthread_core::account::{Secrets, Settings};
use everthread_store::units::UpsertRule;

use super::bodies::{ACCOUNTS, APP_SECRET, TOKEN, WABA, phone_number_id};
use crate::admin::accounts::Form;
use crate::admin::{Admin, Failure, lock};
use crate::cli::Place;
use crate::config;

/// Pacing is the production code's, with its limits raised as data: a WhatsApp number would get 80 a second.
const RAISED: &[(&str, &str)] = &[
    ("rate_per_s", "100000"),
    ("rate_burst", "100000"),
    ("pair_rate_per_s", "10000"),
    ("pair_rate_burst", "10000"),
];

/// Answers every message, repeating its mark.
const RULE: &str = r#"{"trigger":{"type":"message"},
    "actions":[{"type":"reply","text":"{{ message.text[:14] }} thank you, we look into it"}]}"#;

/// How fast the accounts may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// As fast as the hub can.
    Raised,
    /// As the provider allows: a WhatsApp number 80 a second.
    Providers,
}

/// A folder that runs start from, each on a copy.
pub(super) struct Template {
    pub(super) dir: PathBuf,
    /// Of the app all accounts share.
    pub(super) webhook_path: String,
}

impl Template {
    /// Makes the accounts, sending to `provider`; with `answering`, a rule that answers every message.
    pub(super) async fn make(dir: PathBuf, provider: &str, answering: bool) -> Result<Self, Failure> {
        Self::make_paced(dir, provider, answering, Pace::Raised).await
    }

    /// The same at a pace.
    pub(super) async fn make_paced(
        dir: PathBuf,
        provider: &str,
        answering: bool,
        pace: Pace,
    ) -> Result<Self, Failure> {
        std::fs::create_dir_all(&dir).map_err(Failure::from_display)?;
        let place = Place { data: Some(dir.clone()), database_url: None, config: None };
        let config = config::load(&place, None).map_err(Failure::from_display)?;
        let _lock = lock(&dir).map_err(Failure::from_display)?;
        let admin = Admin::open(&config).await?;
        let (workspace, _) = admin.add_workspace("Bench").await?;
        let mut webhook_path = String::new();
        for account in 0..ACCOUNTS {
            let mut settings = Settings::default();
            settings.0.insert("phone_number_id".into(), phone_number_id(account));
            settings.0.insert("waba_id".into(), WABA.into());
            settings.0.insert("api_base".into(), provider.into());
            let raised = if pace == Pace::Raised { RAISED } else { &[] };
            settings.0.extend(raised.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
            let pairs = [("token", TOKEN), ("app_secret", APP_SECRET), ("verify_token", "bench-verify")];
            let secrets = Secrets(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
            let form = Form {
                channel: "whatsapp".into(),
                name: format!("Number {account}"),
                settings,
                secrets,
                sandbox: false,
            };
            webhook_path = admin.add_account(workspace, form).await?.webhook_path;
        }
        if answering {
            let unit = UpsertRule {
                now: crate::clock::now(),
                seed: crate::clock::seed(),
                workspace,
                uid: None,
                name: "Answer".into(),
                enabled: true,
                position: 1,
                body: RULE.into(),
            };
            admin.store.write(unit).await.map_err(Failure::from_display)?;
        }
        Ok(Self { dir, webhook_path })
    }

    /// A copy for one run.
    pub(super) fn copy(&self, to: &Path) -> Result<(), Failure> {
        let _ = std::fs::remove_dir_all(to);
        copy_folder(&self.dir, to).map_err(Failure::from_display)
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
