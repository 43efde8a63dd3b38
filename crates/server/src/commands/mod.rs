//! One function per command of the command line.

mod ask;
mod sandbox;
mod serve;

use std::io::Write;
use std::process::ExitCode;

use everthread_core::account::{Secrets, Settings};
use everthread_core::time::Timestamp;

use crate::admin::{Failure, Keep, Request};
use crate::api::v1::incidents::declare::Declaration;
use crate::cli::{Account, Cli, Command, Contact, Incident, SandboxAction, User, Webhook, Workspace};
use crate::config;

pub use serve::open_journal;

/// Runs a command to its end. Errors are sentences on standard error, with exit code 1.
pub fn run(cli: Cli) -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("everthread: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(dispatch(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("everthread: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let place = &cli.place;
    match &cli.command {
        Command::Serve(serve) => {
            logging();
            let config = config::load(place, Some(serve)).map_err(Failure::from_display)?;
            serve::run(config).await
        }
        Command::Sandbox(sandbox) if sandbox.action.is_none() => {
            logging();
            sandbox::run(&sandbox.listen).await
        }
        Command::Bench(bench) => crate::bench::run(bench, place).await,
        Command::Restore(restore) => {
            let config = config::load(place, None).map_err(Failure::from_display)?;
            let passphrase = passphrase(&restore.passphrase.passphrase_file)?;
            crate::admin::restore(&config, &restore.file, &passphrase, restore.erasures.as_deref()).await
        }
        _ => {
            let config = config::load(place, None).map_err(Failure::from_display)?;
            let request = request(cli.command)?;
            let mut out = std::io::BufWriter::new(std::io::stdout());
            ask::run(&config, &request, &mut out).await?;
            out.flush().map_err(Failure::from_display)
        }
    }
}

/// The request a command stands for.
fn request(command: Command) -> Result<Request, Failure> {
    Ok(match command {
        Command::Workspace(Workspace::Add { name }) => Request::WorkspaceAdd { name },
        Command::Workspace(Workspace::List) => Request::WorkspaceList,
        Command::Workspace(Workspace::Retention { name, days, forever, yes }) => {
            Request::WorkspaceRetention {
                name,
                wanted: days.map(Keep::Days).or(forever.then_some(Keep::Forever)),
                yes,
            }
        }
        Command::Workspace(Workspace::Remove { name, yes: true }) => Request::WorkspaceRemove { name },
        Command::Workspace(Workspace::Remove { name, yes: false }) => {
            return Err(Failure(format!("this removes {name:?} with all its data; say so with --yes")));
        }
        Command::Account(account) => account_request(account)?,
        Command::Export(export) => Request::Export {
            workspace: export.workspace.workspace,
            what: export.what,
            format: export.format,
        },
        Command::Contact(contact) => contact_request(contact)?,
        Command::User(User::Add { email, name, role, workspace }) => {
            Request::UserAdd { workspace: workspace.workspace, email, name, role }
        }
        Command::User(User::Reset { email, workspace }) => {
            Request::UserReset { workspace: workspace.workspace, email }
        }
        Command::Webhook(webhook) => webhook_request(webhook),
        Command::Health(health) => {
            Request::Health { workspace: health.workspace.workspace, json: health.json }
        }
        Command::Incident(incident) => incident_request(incident),
        Command::Backup(backup) => Request::Backup {
            file: std::path::absolute(&backup.file).map_err(Failure::from_display)?,
            passphrase: passphrase(&backup.passphrase.passphrase_file)?,
        },
        Command::Sandbox(crate::cli::Sandbox { action: Some(SandboxAction::Clear), .. }) => {
            Request::SandboxClear
        }
        Command::Replay(replay) => Request::Replay {
            from_micros: replay.from.as_deref().map(time).transpose()?.map(Timestamp::micros),
        },
        Command::Serve(_) | Command::Sandbox(_) | Command::Bench(_) | Command::Restore(_) => {
            unreachable!("these run in this process")
        }
    })
}

fn contact_request(contact: Contact) -> Result<Request, Failure> {
    match contact {
        Contact::Export { id, workspace } => {
            Ok(Request::ContactExport { workspace: workspace.workspace, id })
        }
        Contact::Erase { id, yes: true, workspace } => {
            Ok(Request::ContactErase { workspace: workspace.workspace, id })
        }
        Contact::Erase { id, yes: false, .. } => {
            Err(Failure(format!("this erases {id} for good, with all messages and files; say so with --yes")))
        }
    }
}

fn webhook_request(webhook: Webhook) -> Request {
    match webhook {
        Webhook::Add { url, name, workspace } => {
            Request::WebhookAdd { workspace: workspace.workspace, name, url }
        }
        Webhook::List { workspace } => Request::WebhookList { workspace: workspace.workspace },
        Webhook::Remove { id, workspace } => Request::WebhookRemove { workspace: workspace.workspace, id },
    }
}

fn incident_request(incident: Incident) -> Request {
    match incident {
        Incident::List { open, workspace } => Request::IncidentList { workspace: workspace.workspace, open },
        Incident::Show { id, workspace } => Request::IncidentShow { workspace: workspace.workspace, id },
        Incident::Declare { scope, direction, simulated, workspace } => Request::IncidentDeclare {
            workspace: workspace.workspace,
            declaration: Declaration {
                account: scope.account,
                channel: scope.channel,
                company: scope.company,
                direction: Some(direction),
                simulated,
            },
        },
        Incident::Dismiss { id, workspace } => {
            Request::IncidentDismiss { workspace: workspace.workspace, id }
        }
    }
}

fn account_request(account: Account) -> Result<Request, Failure> {
    Ok(match account {
        Account::Add { channel, name, settings, secrets, workspace } => Request::AccountAdd {
            workspace: workspace.workspace,
            channel,
            name,
            settings: Settings(settings.iter().map(|s| pair(s)).collect::<Result<_, _>>()?),
            secrets: Secrets(secrets.iter().map(|s| secret(s)).collect::<Result<_, _>>()?),
        },
        Account::Set { id, name, settings, secrets, workspace } => Request::AccountSet {
            workspace: workspace.workspace,
            id,
            name,
            settings: Settings(settings.iter().map(|s| pair(s)).collect::<Result<_, _>>()?),
            secrets: Secrets(secrets.iter().map(|s| secret(s)).collect::<Result<_, _>>()?),
        },
        Account::List { workspace } => Request::AccountList { workspace: workspace.workspace },
        Account::Show { id, workspace } => Request::AccountShow { workspace: workspace.workspace, id },
        Account::Remove { id, workspace } => Request::AccountRemove { workspace: workspace.workspace, id },
        Account::Doctor { id, workspace } => Request::AccountDoctor { workspace: workspace.workspace, id },
    })
}

fn pair(text: &str) -> Result<(String, String), Failure> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| Failure(format!("{text:?} is not of the form KEY=VALUE")))?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// `KEY=VALUE`, `KEY=@FILE` or `KEY=-`.
fn secret(text: &str) -> Result<(String, String), Failure> {
    // The text may be the secret itself, so errors don't repeat it.
    let (key, value) =
        text.split_once('=').ok_or_else(|| Failure("a --secret is not of the form KEY=VALUE".into()))?;
    let value = match value.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|e| Failure(format!("--secret {key}: {file} can't be read: {e}")))?,
        None if value == "-" => std::io::read_to_string(std::io::stdin())
            .map_err(|e| Failure(format!("--secret {key}: standard input: {e}")))?,
        None => value.to_owned(),
    };
    Ok((key.trim().to_owned(), value.trim_end_matches(['\r', '\n']).to_owned()))
}

fn time(text: &str) -> Result<Timestamp, Failure> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| Failure(format!("{text:?} is no time; write it like 2026-03-11T08:00:00Z")))
}

/// The first line of the passphrase file (`-`: standard input).
fn passphrase(file: &str) -> Result<String, Failure> {
    let text =
        if file == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    let text = text.map_err(|e| Failure(format!("the passphrase file {file} can't be read: {e}")))?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    if line.chars().count() < 8 {
        return Err(Failure("the passphrase must have at least 8 characters".into()));
    }
    Ok(line)
}

/// Logs to standard error: readable on a terminal, JSON elsewhere. `EVERTHREAD_LOG` sets the filter.
fn logging() {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("EVERTHREAD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        let _ = builder.with_target(false).compact().try_init();
    } else {
        let _ = builder.json().flatten_event(true).try_init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_the_value_or_a_file() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("token");
        std::fs::write(&file, "abc\n").expect("written");
        assert_eq!(secret("token=a=b").expect("value"), ("token".into(), "a=b".into()));
        assert_eq!(secret(&format!("token=@{}", file.display())).expect("file").1, "abc");
        let error = secret("sup3rs3cret").expect_err("refused").0;
        assert!(!error.contains("sup3rs3cret"), "{error}");
    }
}
