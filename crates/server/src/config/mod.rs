//! Settings of a run: flag, then environment, then `everthread.toml`, then default.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use everthread_store::units::Role;

use crate::cli::{Place, Serve, SsoFlags};

/// Where `serve` listens when nobody says.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

/// Half a minute for what takes a quarter of an hour: an outage fits a newcomer's first minutes.
const DIAL_DEFAULT: f64 = 30.0;

/// Settings after merging; flags and environment were merged by the argument parser.
#[derive(Clone, Debug)]
pub struct Config {
    pub data: PathBuf,
    pub database_url: Option<String>,
    pub listen: String,
    /// Without a trailing slash.
    pub public_url: Option<String>,
    pub sandbox: bool,
    pub journal_bytes_max: u64,
    pub journal_days: u32,
    /// Private addresses that media and outgoing webhooks may reach, as `host:port` or `host`.
    pub allow_private: Vec<String>,
    /// The identity provider, where one is configured.
    pub sso: Option<SsoConfig>,
    /// For trials only: divides every duration by which real channels are judged. 1 in real life.
    pub pace: f64,
    /// The same for simulated channels: the fast dial, so that an outage can be watched. 1 shows it at its real pace.
    pub dial: f64,
}

/// An OpenID Connect provider.
#[derive(Clone, PartialEq, Eq)]
pub struct SsoConfig {
    /// Its address; `/.well-known/openid-configuration` lies under it.
    pub issuer: String,
    pub client_id: String,
    /// None for a public client.
    pub client_secret: Option<String>,
    /// On the button.
    pub name: String,
    /// The role of people whom nobody invited; none: they are not let in.
    pub provision_role: Option<Role>,
    /// Slug of the workspace that they are added to; none: the first.
    pub provision_workspace: Option<String>,
}

impl std::fmt::Debug for SsoConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SsoConfig({})", self.issuer)
    }
}

/// The file, every key optional, unknown keys refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    database_url: Option<String>,
    listen: Option<String>,
    public_url: Option<String>,
    sandbox: Option<bool>,
    #[serde(default)]
    journal: JournalSection,
    #[serde(default)]
    network: NetworkSection,
    #[serde(default)]
    continuity: ContinuitySection,
    #[serde(default)]
    sso: SsoSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SsoSection {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    name: Option<String>,
    provision_role: Option<String>,
    provision_workspace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContinuitySection {
    pace: Option<f64>,
    dial: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalSection {
    bytes_max: Option<u64>,
    days: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkSection {
    #[serde(default)]
    allow_private: Vec<String>,
}

/// Why settings could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} can't be read: {source}")]
    Read { path: String, source: std::io::Error },
    /// The text of the parser names line and column.
    #[error("{path} is not valid:\n{detail}")]
    Parse { path: String, detail: String },
    #[error("[sso] {0}")]
    Sso(String),
    #[error("public-url must begin with http:// or https:// and hold no path, but is {0:?}")]
    PublicUrl(String),
}

/// The default folder for data.
fn data_default() -> PathBuf {
    PathBuf::from("data")
}

/// Merges the file below the flags of `serve`.
pub fn load(place: &Place, serve: Option<&Serve>) -> Result<Config, Error> {
    let file = read(place)?;
    let data = place.data.clone().or(file.data).unwrap_or_else(data_default);
    let public_url = serve.and_then(|s| s.public_url.clone()).or(file.public_url);
    Ok(Config {
        data,
        database_url: place.database_url.clone().or(file.database_url),
        listen: serve.and_then(|s| s.listen.clone()).or(file.listen).unwrap_or_else(|| LISTEN_DEFAULT.into()),
        public_url: public_url.map(check_public_url).transpose()?,
        sandbox: serve.is_some_and(|s| s.sandbox) || file.sandbox.unwrap_or(false),
        journal_bytes_max: file.journal.bytes_max.unwrap_or(64 << 30),
        journal_days: file.journal.days.unwrap_or(30),
        allow_private: file.network.allow_private,
        sso: sso(serve.map(|s| &s.sso), file.sso)?,
        pace: file.continuity.pace.unwrap_or(1.0).clamp(1.0, 600.0),
        dial: file.continuity.dial.unwrap_or(DIAL_DEFAULT).clamp(1.0, 600.0),
    })
}

/// The provider, when an issuer is named. Flags and environment go before the file.
fn sso(flags: Option<&SsoFlags>, file: SsoSection) -> Result<Option<SsoConfig>, Error> {
    let flag = |pick: fn(&SsoFlags) -> &Option<String>| flags.and_then(|flags| pick(flags).clone());
    let issuer = flag(|f| &f.sso_issuer).or(file.issuer);
    let client_id = flag(|f| &f.sso_client_id).or(file.client_id);
    let (Some(issuer), Some(client_id)) = (issuer.clone(), client_id.clone()) else {
        return match (issuer, client_id) {
            (None, None) => Ok(None),
            _ => Err(Error::Sso("issuer and client_id are both needed".into())),
        };
    };
    let loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    if !issuer.starts_with("https://") && !loopback.iter().any(|start| issuer.starts_with(start)) {
        return Err(Error::Sso(format!("issuer must begin with https://, but is {issuer:?}")));
    }
    let provision_role = flag(|f| &f.sso_provision_role).or(file.provision_role);
    let provision_role = provision_role
        .map(|text| match Role::parse(&text) {
            Some(Role::Owner) => Err(Error::Sso("provision_role can't be owner".into())),
            Some(role) => Ok(role),
            None => Err(Error::Sso(format!("provision_role is admin, agent or viewer, not {text:?}"))),
        })
        .transpose()?;
    Ok(Some(SsoConfig {
        issuer,
        client_id,
        client_secret: flag(|f| &f.sso_client_secret).or(file.client_secret),
        name: flag(|f| &f.sso_name).or(file.name).unwrap_or_else(|| "single sign-on".into()),
        provision_role,
        provision_workspace: flag(|f| &f.sso_provision_workspace).or(file.provision_workspace),
    }))
}

fn read(place: &Place) -> Result<File, Error> {
    let (path, required) = match &place.config {
        Some(path) => (path.clone(), true),
        None => (place.data.clone().unwrap_or_else(data_default).join("everthread.toml"), false),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text),
        Err(e) if !required && e.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
        Err(source) => Err(Error::Read { path: path.display().to_string(), source }),
    }
}

fn parse(path: &Path, text: &str) -> Result<File, Error> {
    toml::from_str(text).map_err(|e| Error::Parse { path: path.display().to_string(), detail: e.to_string() })
}

fn check_public_url(url: String) -> Result<String, Error> {
    let trimmed = url.trim_end_matches('/');
    let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#']) => Ok(trimmed.to_owned()),
        _ => Err(Error::PublicUrl(url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_key_names_line_and_column() {
        let error = parse(Path::new("everthread.toml"), "listen = \"127.0.0.1:1\"\nlissten = 1\n")
            .expect_err("refused");
        let text = error.to_string();
        assert!(text.contains("line 2, column 1") && text.contains("lissten"), "{text}");
    }

    #[test]
    fn a_provider_needs_both_names_and_a_safe_address() {
        let read = |text: &str| sso(None, toml::from_str(text).expect("toml"));
        assert_eq!(read("").expect("none"), None);
        let good = read("issuer = \"https://id.example\"\nclient_id = \"x\"\nprovision_role = \"agent\"");
        let good = good.expect("good").expect("some");
        assert_eq!((good.provision_role, good.name.as_str()), (Some(Role::Agent), "single sign-on"));
        for bad in [
            "issuer = \"https://id.example\"",
            "issuer = \"http://id.example\"\nclient_id = \"x\"",
            "issuer = \"https://id.example\"\nclient_id = \"x\"\nprovision_role = \"owner\"",
            "issuer = \"https://id.example\"\nclient_id = \"x\"\nprovision_role = \"boss\"",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let flags = SsoFlags { sso_issuer: Some("https://flag.example".into()), ..SsoFlags::default() };
        let file = toml::from_str("issuer = \"https://id.example\"\nclient_id = \"x\"").expect("toml");
        assert_eq!(sso(Some(&flags), file).expect("good").expect("some").issuer, "https://flag.example");
    }

    #[test]
    fn public_url_is_checked_and_trimmed() {
        assert_eq!(check_public_url("https://a.example/".into()).expect("good"), "https://a.example");
        for bad in ["a.example", "https://", "https://a.example/x"] {
            assert!(check_public_url(bad.into()).is_err(), "{bad}");
        }
    }
}
