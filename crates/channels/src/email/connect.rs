//! Where the servers are, and what is asked of them besides sending: log in, watch a folder, fetch one mail.

use everthread_core::account::Settings;

use crate::Account;
use crate::form;
use crate::wire::WireRequest;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte.
    Implicit,
    /// Plain until STARTTLS, which is required.
    StartTls,
    /// Never; only towards this machine.
    None,
}

/// A mail server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
}

impl Server {
    /// Reads `smtp://`, `smtps://`, `imap://` or `imaps://` with host, port and `?tls=none`. `Err` says what is
    /// wrong, as a sentence.
    pub fn read(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("must begin with a scheme, as smtps://")?;
        let (port, implicit) = match scheme {
            "smtp" => (587, false),
            "smtps" => (465, true),
            "imap" => (143, false),
            "imaps" => (993, true),
            _ => return Err(format!("{scheme}:// is no scheme of a mail server")),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let place = place.strip_suffix('/').unwrap_or(place);
        if place.contains('@') {
            return Err("must not hold a name or password: use --set user and --secret password".to_owned());
        }
        if place.contains('/') {
            return Err("must end after the port: the folder is a setting of its own".to_owned());
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, digits)) if !digits.contains(']') => {
                (host, digits.parse().map_err(|_| format!("{digits:?} is no port"))?)
            }
            _ => (place, port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("names no host".to_owned());
        }
        let tls = match (query, implicit) {
            ("", true) => Tls::Implicit,
            ("", false) => Tls::StartTls,
            ("tls=none", false) if is_here(host) => Tls::None,
            ("tls=none", _) => {
                return Err("may go without TLS only to this machine (127.0.0.1, ::1, localhost)".to_owned());
            }
            _ => return Err(format!("knows no option {query:?}; there is tls=none")),
        };
        Ok(Self { host: host.to_owned(), port, tls })
    }

    /// True where the server runs on this machine.
    pub fn is_here(&self) -> bool {
        is_here(&self.host)
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Where a mail lay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub folder: String,
    /// The folder's UIDVALIDITY.
    pub validity: u32,
    pub uid: u32,
    /// When the server took it in (INTERNALDATE), in seconds since 1970.
    pub at: Option<i64>,
    /// Bytes of the whole mail, where only its head was taken in.
    pub cut: Option<u64>,
}

/// What a record of this mail carries as its query: its place, and what the operator said of the mailbox.
pub fn facts(settings: &Settings, place: &Place) -> String {
    let (validity, uid) = (place.validity.to_string(), place.uid.to_string());
    let at = place.at.map(|at| at.to_string()).unwrap_or_default();
    let cut = place.cut.map(|cut| cut.to_string()).unwrap_or_default();
    let sent = if settings.get("sent_folder") == Some(place.folder.as_str()) { "1" } else { "" };
    let all = [
        ("address", settings.get("address").unwrap_or_default()),
        ("authserv", settings.get("authserv_id").unwrap_or_default()),
        ("folder", &place.folder),
        ("validity", &validity),
        ("uid", &uid),
        ("at", &at),
        ("cut", &cut),
        ("sent", sent),
    ];
    form::encode(all.into_iter().filter(|(_, value)| !value.is_empty()))
}

/// Folders to watch: the one mail comes into, then the one of sent mail where it is set.
pub fn folders(settings: &Settings) -> Vec<String> {
    let inbox = settings.get("folder").unwrap_or("INBOX");
    let sent = settings.get("sent_folder").filter(|sent| *sent != inbox);
    std::iter::once(inbox).chain(sent).map(str::to_owned).collect()
}

/// The day from which a new account takes mail in, as IMAP writes it (`31-Jan-2026`).
pub fn since(settings: &Settings) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut pieces = settings.get("since")?.split('-');
    let (year, month, day) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let year = year.parse::<u16>().ok().filter(|year| (1970..=9999).contains(year))?;
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.parse::<u8>().ok().filter(|day| (1..=31).contains(day))?;
    pieces.next().is_none().then(|| format!("{day}-{month}-{year}"))
}

/// A folder to look into: `STATUS` answers 200 where it can be opened.
pub fn watch(account: &Account<'_>, folder: &str) -> WireRequest {
    let mut request = imap(account, "STATUS");
    request.headers.push(("folder", folder.to_owned()));
    request
}

/// One mail by its place, else by its Message-ID.
pub(super) fn fetch(account: &Account<'_>, place: [(&'static str, &str); 4]) -> WireRequest {
    let mut request = imap(account, "FETCH");
    request.headers.extend(place.map(|(name, value)| (name, value.to_owned())));
    request
}

/// Logs in at the SMTP server and sends nothing.
pub(super) fn knock(account: &Account<'_>) -> WireRequest {
    smtp(account, "NOOP")
}

pub(super) fn smtp(account: &Account<'_>, method: &'static str) -> WireRequest {
    let settings = account.settings;
    let user = settings.get("smtp_user").or(settings.get("user")).or(settings.get("address"));
    let password = account.secrets.get("smtp_password").or(account.secrets.get("password"));
    call(method, settings.get("smtp_url"), user, password)
}

fn imap(account: &Account<'_>, method: &'static str) -> WireRequest {
    let settings = account.settings;
    let user = settings.get("user").or(settings.get("address"));
    call(method, settings.get("imap_url"), user, account.secrets.get("password"))
}

fn call(method: &'static str, url: Option<&str>, user: Option<&str>, password: Option<&str>) -> WireRequest {
    let password = password.unwrap_or_default().to_owned();
    WireRequest {
        method,
        url: url.unwrap_or_default().to_owned(),
        headers: vec![("user", user.unwrap_or_default().to_owned()), ("password", password.clone())],
        body: Vec::new(),
        timeout: None,
        secrets: vec![password],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers() {
        let read = |url| Server::read(url).map(|server| (server.host, server.port, server.tls));
        let good = |host: &str, port, tls| Ok((host.to_owned(), port, tls));
        assert_eq!(read("smtps://mail.example"), good("mail.example", 465, Tls::Implicit));
        assert_eq!(read("smtp://mail.example:2525/"), good("mail.example", 2525, Tls::StartTls));
        assert_eq!(read("imaps://[2001:db8::1]:99"), good("2001:db8::1", 99, Tls::Implicit));
        assert_eq!(read("imap://127.0.0.1:1?tls=none"), good("127.0.0.1", 1, Tls::None));
        for (url, says) in [
            ("mail.example", "scheme"),
            ("https://mail.example", "scheme"),
            ("smtp://", "host"),
            ("smtp://a:99999", "port"),
            ("smtp://me:pw@mail.example", "password"),
            ("imaps://mail.example/INBOX", "folder"),
            ("smtp://mail.example?tls=none", "this machine"),
            ("smtp://mail.example?tls=maybe", "option"),
        ] {
            let error = Server::read(url).expect_err(url);
            assert!(error.contains(says), "{url}: {error}");
        }
    }

    #[test]
    fn days_as_imap_writes_them() {
        let day = |text: &str| since(&Settings([("since".to_owned(), text.to_owned())].into()));
        assert_eq!(day("2026-01-31").as_deref(), Some("31-Jan-2026"));
        for wrong in ["2026-13-01", "2026-00-01", "yesterday", "2026-01-01-1", "2026-01-32"] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }
}
