//! The command line (design section 9). Scripts rely on it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// One thread per customer over every channel.
#[derive(Debug, Parser)]
#[command(name = "everthread", version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub place: Place,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the data is; the same for every command.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// Folder of the journal, the database (without --database-url), media and the key file.
    #[arg(long, global = true, env = "EVERTHREAD_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// PostgreSQL instead of SQLite in the data folder, e.g. postgres://user@host/everthread.
    #[arg(long, global = true, env = "EVERTHREAD_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Configuration file. Default: everthread.toml in the data folder, where there is one.
    #[arg(long, global = true, env = "EVERTHREAD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the hub.
    Serve(Serve),
    /// Businesses on this hub.
    #[command(subcommand)]
    Workspace(Workspace),
    /// Logins on channels.
    #[command(subcommand)]
    Account(Account),
    /// Write rows to standard output.
    Export(Export),
    /// Everything about one person: export it, or erase it.
    #[command(subcommand)]
    Contact(Contact),
    /// People who sign in to the console.
    #[command(subcommand)]
    User(User),
    /// Addresses of other programs that rules call.
    #[command(subcommand)]
    Webhook(Webhook),
    /// How every account's channel does.
    Health(Health),
    /// What is or was down.
    #[command(subcommand)]
    Incident(Incident),
    /// Write everything into one file, also while the hub runs.
    Backup(Backup),
    /// Bring a backup back into an empty data folder (and an empty database, where it was made on PostgreSQL).
    Restore(Restore),
    /// Simulated platforms, or removing the data they left.
    Sandbox(Sandbox),
    /// Apply raw events from the journal again; what is already applied stays as it is.
    Replay(Replay),
    /// Measure this machine.
    #[command(subcommand)]
    Bench(crate::bench::Bench),
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port to listen on.
    #[arg(long, env = "EVERTHREAD_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// The address under which customers and platforms reach this hub, e.g. https://talk.example.com.
    #[arg(long, env = "EVERTHREAD_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Run simulated platforms and customers beside the hub.
    #[arg(long, env = "EVERTHREAD_SANDBOX")]
    pub sandbox: bool,
    #[command(flatten)]
    pub sso: SsoFlags,
}

/// Sign-in through an OpenID Connect provider.
#[derive(Debug, Default, Args)]
pub struct SsoFlags {
    /// Address of an OpenID Connect provider that people sign in with.
    #[arg(long, env = "EVERTHREAD_SSO_ISSUER", value_name = "URL")]
    pub sso_issuer: Option<String>,
    /// Our name at the provider.
    #[arg(long, env = "EVERTHREAD_SSO_CLIENT_ID", value_name = "ID")]
    pub sso_client_id: Option<String>,
    /// Our secret at the provider; other users of this machine see flags, so give it by the environment.
    #[arg(long, env = "EVERTHREAD_SSO_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub sso_client_secret: Option<String>,
    /// What the button calls the provider.
    #[arg(long, env = "EVERTHREAD_SSO_NAME", value_name = "NAME")]
    pub sso_name: Option<String>,
    /// Let people in whom nobody invited, as admin, agent or viewer.
    #[arg(long, env = "EVERTHREAD_SSO_PROVISION_ROLE", value_name = "ROLE")]
    pub sso_provision_role: Option<String>,
    /// Slug of the workspace for people whom nobody invited; default: the first.
    #[arg(long, env = "EVERTHREAD_SSO_PROVISION_WORKSPACE", value_name = "SLUG")]
    pub sso_provision_workspace: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Workspace {
    /// Make a business.
    Add { name: String },
    /// List them.
    List,
    /// Show or set how long closed conversations are kept. Without a choice all are kept for ever.
    Retention {
        name: String,
        /// Remove a conversation that is resolved and in which nothing happened for so many days.
        #[arg(long, conflicts_with = "forever")]
        days: Option<u32>,
        /// Keep everything.
        #[arg(long)]
        forever: bool,
        /// Without this it is only said what an age would remove.
        #[arg(long)]
        yes: bool,
    },
    /// Remove one with all its data.
    Remove {
        name: String,
        /// Without this nothing is removed.
        #[arg(long)]
        yes: bool,
    },
}

/// The workspace a command is about.
#[derive(Clone, Debug, Args)]
pub struct InWorkspace {
    /// Name of the workspace; default: the first.
    #[arg(long, value_name = "NAME")]
    pub workspace: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Account {
    /// Connect a login on a channel.
    Add {
        /// webchat, telegram, whatsapp, instagram, messenger, twilio or email.
        channel: String,
        #[arg(long)]
        name: String,
        /// A setting under the provider's own name; may be repeated.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        settings: Vec<String>,
        /// A secret: KEY=VALUE, KEY=@FILE, or KEY=- to read standard input; may be repeated.
        #[arg(long = "secret", value_name = "KEY=VALUE")]
        secrets: Vec<String>,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Change one's name, settings or secrets, as when a token or an app secret was renewed. It sends again then.
    Set {
        id: String,
        #[arg(long)]
        name: Option<String>,
        /// A setting under the provider's own name; KEY= takes it away; may be repeated.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        settings: Vec<String>,
        /// A secret: KEY=VALUE, KEY=@FILE, or KEY=- to read standard input; may be repeated. The old one is refused
        /// from then on, unless it is given again as KEY_previous=VALUE.
        #[arg(long = "secret", value_name = "KEY=VALUE")]
        secrets: Vec<String>,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// List them.
    List {
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// All about one but its secrets.
    Show {
        id: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Disconnect one. Its conversations stay.
    Remove {
        id: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Check that platforms answer, tokens are accepted and webhooks arrive.
    Doctor {
        id: Option<String>,
        #[command(flatten)]
        workspace: InWorkspace,
    },
}

#[derive(Debug, Args)]
pub struct Health {
    /// One JSON object per account instead of a table.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub workspace: InWorkspace,
}

#[derive(Debug, Subcommand)]
pub enum Incident {
    /// List them, newest first.
    List {
        /// Only those that are not over.
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// One with its evidence and timeline.
    Show {
        /// Its number or its id.
        id: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Say that something is down. It holds until it is dismissed.
    Declare {
        #[command(flatten)]
        scope: DeclaredScope,
        /// send, auth or delivery; or, of what comes in, webhook (late or lost) or inbound.
        #[arg(long, default_value = "send")]
        direction: String,
        /// Of the sandbox's platforms.
        #[arg(long)]
        simulated: bool,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Say that it is over, or never was.
    Dismiss {
        /// Its number or its id.
        id: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
}

/// What is down.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct DeclaredScope {
    /// One account, by its id or name.
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// A whole channel, e.g. instagram.
    #[arg(long)]
    pub channel: Option<String>,
    /// Everything that fails together, e.g. meta.
    #[arg(long)]
    pub company: Option<String>,
}

#[derive(Debug, Args)]
pub struct Export {
    #[arg(value_parser = ["messages", "conversations", "contacts", "leads", "attempts", "incidents", "problems"])]
    pub what: String,
    #[arg(long, default_value = "jsonl", value_parser = ["jsonl", "csv", "xlsx"])]
    pub format: String,
    #[command(flatten)]
    pub workspace: InWorkspace,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a person; prints a link that signs them in.
    Add {
        email: String,
        #[arg(long)]
        name: Option<String>,
        /// owner, admin, agent or viewer.
        #[arg(long, default_value = "agent")]
        role: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Print a fresh sign-in link and end the person's other sessions.
    Reset {
        email: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
}

#[derive(Debug, Subcommand)]
pub enum Contact {
    /// Write all that is known of a person to standard output, as JSON.
    Export {
        /// `cont_...`
        id: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Erase a person: rows, files and raw input. Can't be taken back.
    Erase {
        /// `cont_...`
        id: String,
        /// Without this nothing is erased.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        workspace: InWorkspace,
    },
}

#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Add one; prints the secret that its calls are signed under.
    Add {
        url: String,
        /// Rules call it by this name.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// List them with what waits and what failed.
    List {
        #[command(flatten)]
        workspace: InWorkspace,
    },
    /// Remove one. Calls that wait for it fail.
    Remove {
        id: String,
        #[command(flatten)]
        workspace: InWorkspace,
    },
}

/// Where the passphrase comes from that wraps the key file inside a backup.
#[derive(Clone, Debug, Args)]
pub struct Passphrase {
    /// File whose first line is the passphrase; `-` reads standard input.
    #[arg(long, value_name = "FILE", env = "EVERTHREAD_PASSPHRASE_FILE")]
    pub passphrase_file: String,
}

#[derive(Debug, Args)]
pub struct Backup {
    pub file: PathBuf,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

#[derive(Debug, Args)]
pub struct Restore {
    pub file: PathBuf,
    /// The newest log of erasures (DIR/erasures.log of the hub that was backed up): who was erased after the backup is
    /// erased again. A log that lies in the data folder is taken without this.
    #[arg(long, value_name = "FILE")]
    pub erasures: Option<PathBuf>,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

#[derive(Debug, Args)]
pub struct Sandbox {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8091", value_name = "ADDR:PORT")]
    pub listen: String,
    #[command(subcommand)]
    pub action: Option<SandboxAction>,
}

#[derive(Debug, Subcommand)]
pub enum SandboxAction {
    /// Remove all simulated accounts and everything their customers said, from every workspace.
    Clear,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// Start with events received at this time (RFC 3339); default: the oldest that is kept.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
}
