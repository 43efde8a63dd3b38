//! A real SMTP server and a real IMAP server over the same mailboxes (OpenSMTPD and Dovecot), and a line to the SMTP
//! server that can be cut.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::hub::until;

/// Makes missing servers an error instead of skipped tests.
const REQUIRE: &str = "EVERTHREAD_REQUIRE_MAIL";

/// Runs both servers until its input ends, which it does with the test process. OpenSMTPD has fixed places for its
/// queue and socket: it gets some of its own where the system lets us, so that two runs do not meet. `$1` folder.
const SCRIPT: &str = r#"
dir=$1
if unshare -m true 2>/dev/null; then
  unshare -m sh -c '
    mount -t tmpfs tmpfs /var/spool && mount -t tmpfs -o mode=755 tmpfs /run &&
    mkdir -p /var/spool/smtpd && chmod 711 /var/spool/smtpd && exec smtpd -d -f "$0/smtpd.conf"
  ' "$dir" >"$dir/smtpd.log" 2>&1 </dev/null &
else
  smtpd -d -f "$dir/smtpd.conf" >"$dir/smtpd.log" 2>&1 </dev/null &
fi
smtp=$!
dovecot -F -c "$dir/dovecot.conf" >"$dir/dovecot.out" 2>&1 </dev/null &
imap=$!
read -r word
kill "$smtp" "$imap"; wait "$smtp" "$imap"; rm -rf "$dir"
"#;

/// Both servers. Any address at `example.test` is a mailbox with the password `secret`; mail to `bounce.test` is
/// taken and comes back; other domains are refused.
pub(crate) struct MailHost {
    dir: PathBuf,
    smtp: u16,
    imap: u16,
    /// Closing its input stops the servers: kept for as long as the process lives.
    _keeper: Child,
}

fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a free port").port()
}

/// The servers of this test process. `None`, said loudly, where they can't run; a panic instead where
/// `EVERTHREAD_REQUIRE_MAIL=1`.
pub(crate) fn mail() -> Option<&'static MailHost> {
    static HOST: OnceLock<Option<MailHost>> = OnceLock::new();
    let host = HOST.get_or_init(|| {
        let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
        let here = ["/usr/sbin/smtpd", "/usr/sbin/dovecot"].iter().all(|path| Path::new(path).exists());
        if root && here {
            return Some(MailHost::start());
        }
        assert!(
            !std::env::var(REQUIRE).is_ok_and(|value| value == "1"),
            "{REQUIRE}=1, and opensmtpd and dovecot-imapd are not here, or this is not root"
        );
        // Past the test harness, which hides what passing tests print.
        let said = "\nSKIPPED: the mail tests need opensmtpd, dovecot-imapd and root; they did not run.";
        writeln!(std::io::stderr().lock(), "{said}").ok();
        None
    });
    host.as_ref()
}

impl MailHost {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("everthread-mail-").tempdir();
        let dir = folder.expect("a temporary folder").keep();
        let (smtp, imap) = (free_port(), free_port());
        let at = dir.display();
        let smtpd = format!(
            "table virt {{ \"@example.test\" = \"mail\", \"@bounce.test\" = \"mail\" }}\n\
             listen on 127.0.0.1 port {smtp}\n\
             action \"refuse\" mda \"exit 67\" virtual <virt>\n\
             action \"deliver\" maildir \"{at}/box/%{{rcpt.user:lowercase}}\" virtual <virt>\n\
             match from any for domain \"bounce.test\" action \"refuse\"\n\
             match from any for domain \"example.test\" action \"deliver\"\n"
        );
        let dovecot = format!(
            "base_dir = {at}/dovecot\nlog_path = {at}/dovecot.log\nprotocols = imap\nlisten = 127.0.0.1\n\
             ssl = no\ndisable_plaintext_auth = no\nfirst_valid_uid = 1\nmail_location = maildir:{at}/box/%n\n\
             mail_max_userip_connections = 100\nmaildir_very_dirty_syncs = no\n\
             passdb {{\n  driver = static\n  args = password=secret\n}}\n\
             userdb {{\n  driver = static\n  args = uid=mail gid=mail home={at}/box/%n\n}}\n\
             service imap-login {{\n  inet_listener imap {{\n    port = {imap}\n  }}\n  \
             inet_listener imaps {{\n    port = 0\n  }}\n  chroot =\n}}\nservice anvil {{\n  chroot =\n}}\n"
        );
        for (name, text) in [("smtpd.conf", smtpd), ("dovecot.conf", dovecot)] {
            std::fs::write(dir.join(name), text).expect("a configuration");
        }
        std::fs::create_dir_all(dir.join("box")).expect("a folder");
        std::fs::create_dir_all(dir.join("dovecot")).expect("a folder");
        let owned = Command::new("sh")
            .args(["-c", "chmod 755 \"$0\" && chmod 644 \"$0\"/*.conf && chown mail:mail \"$0/box\""])
            .arg(&dir)
            .status();
        assert!(owned.is_ok_and(|status| status.success()), "the mailboxes belong to the user mail");
        let keeper = Command::new("sh")
            .args(["-c", SCRIPT, "everthread-mail"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .current_dir("/")
            .spawn()
            .expect("a shell");
        let host = Self { dir, smtp, imap, _keeper: keeper };
        let end = Instant::now() + Duration::from_secs(30);
        let up = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        while !up(smtp) || !up(imap) {
            assert!(Instant::now() < end, "the mail servers did not start; see {}", host.dir.display());
            std::thread::sleep(Duration::from_millis(30));
        }
        host
    }

    pub(crate) fn smtp_url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.smtp)
    }

    pub(crate) fn imap_url(&self) -> String {
        format!("imap://127.0.0.1:{}?tls=none", self.imap)
    }

    /// Sends a mail as somebody's mail program would.
    pub(crate) async fn send(&self, from: &str, to: &str, mail: &str) {
        let mut line = TcpStream::connect(("127.0.0.1", self.smtp)).await.expect("the SMTP server");
        let said = mail.replace('\n', "\r\n");
        let talk = [
            String::new(),
            "EHLO customer.test\r\n".to_owned(),
            format!("MAIL FROM:<{from}>\r\n"),
            format!("RCPT TO:<{to}>\r\n"),
            "DATA\r\n".to_owned(),
            format!("{said}\r\n.\r\n"),
        ];
        for words in talk {
            line.write_all(words.as_bytes()).await.expect("written");
            let answer = reply(&mut line).await;
            assert!(answer.starts_with('2') || answer.starts_with('3'), "{words}: {answer}");
        }
    }

    /// The mails that lie in a mailbox, by the local part of its address.
    pub(crate) fn mails(&self, local: &str) -> Vec<String> {
        let mut found = Vec::new();
        for folder in ["new", "cur"] {
            let files =
                std::fs::read_dir(self.dir.join("box").join(local).join(folder)).into_iter().flatten();
            let text = |file: std::fs::DirEntry| std::fs::read(file.path()).ok();
            found.extend(
                files.flatten().filter_map(text).map(|raw| String::from_utf8_lossy(&raw).into_owned()),
            );
        }
        found
    }

    /// Waits until a mailbox holds so many mails.
    pub(crate) async fn wait(&self, local: &str, count: usize) -> Vec<String> {
        until("a mail in the customer's mailbox", || async {
            Some(self.mails(local)).filter(|mails| mails.len() >= count)
        })
        .await
    }
}

async fn reply(line: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut bytes = [0; 2_048];
    loop {
        let read = line.read(&mut bytes).await.expect("an answer");
        assert!(read > 0, "the server hung up after {text:?}");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let last = text.trim_end().lines().last().unwrap_or_default();
        if text.ends_with('\n') && last.as_bytes().get(3) != Some(&b'-') {
            return text;
        }
    }
}

/// What the line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    Open,
    /// Nobody is there: connections end at once.
    Down,
    /// The server takes the mail; its reply never comes back.
    Swallow,
}

/// A line to the SMTP server.
#[derive(Clone)]
pub(crate) struct Line {
    mode: Arc<AtomicU8>,
    port: u16,
}

impl Line {
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    pub(crate) async fn to(host: &MailHost) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let line = Self { mode: Arc::new(AtomicU8::new(Mode::Open as u8)), port };
        let (mode, far) = (Arc::clone(&line.mode), host.smtp);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if mode.load(Ordering::SeqCst) != Mode::Down as u8 {
                    let far = TcpStream::connect(("127.0.0.1", far)).await.expect("the SMTP server");
                    tokio::spawn(carry(near, far, Arc::clone(&mode)));
                }
            }
        });
        line
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.port)
    }
}

async fn carry(mut near: TcpStream, mut far: TcpStream, mode: Arc<AtomicU8>) {
    let (mut up, mut down) = ([0; 8_192], [0; 4_096]);
    let mut handed_over = false;
    let mut tail = Vec::new();
    loop {
        tokio::select! {
            read = near.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                tail.extend_from_slice(&up[..count]);
                handed_over = tail.ends_with(b"\r\n.\r\n");
                let keep = tail.len().saturating_sub(8);
                tail.drain(..keep);
                if far.write_all(&up[..count]).await.is_err() { return }
            }
            read = far.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if mode.load(Ordering::SeqCst) == Mode::Down as u8 { return }
                if handed_over && mode.load(Ordering::SeqCst) == Mode::Swallow as u8 { return }
                if near.write_all(&down[..count]).await.is_err() { return }
            }
        }
    }
}
