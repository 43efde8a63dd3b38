//! A private PostgreSQL server on a free port of this machine, in a temporary folder.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

/// Makes a missing server an error instead of a skipped test.
const REQUIRE: &str = "EVERTHREAD_REQUIRE_POSTGRES";

/// Starts and stops the server. It reads its input to the end, which comes when the test process ends in whatever
/// way, then stops the server and removes the folder. `$1` folder, `$2` folder of the programs, `$3` port, rest: what
/// changes to another user.
const SCRIPT: &str = r#"
dir=$1; bin=$2; port=$3; shift 3
"$@" "$bin/initdb" -D "$dir/data" -U everthread -A trust -N --encoding=UTF8 --no-locale >"$dir/initdb.log" 2>&1 || exit 1
serve() {
  "$@" "$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c max_connections=200 -c log_min_messages=fatal >>"$dir/server.log" 2>&1 </dev/null &
  server=$!
}
serve "$@"
while read -r word; do
  case $word in
    stop) kill -INT "$server"; wait "$server"; touch "$dir/stopped" ;;
    start) rm -f "$dir/stopped"; serve "$@" ;;
  esac
done
kill -INT "$server"; wait "$server"; rm -rf "$dir"
"#;

/// A running server.
#[derive(Debug)]
pub struct PgServer {
    port: u16,
    dir: PathBuf,
    names: AtomicU32,
    /// Closing its input stops the server: kept for as long as the process lives.
    keeper: Mutex<Child>,
}

/// The server of this test process, started by the first who asks. `None`, said loudly, where the machine has no
/// PostgreSQL; a panic instead where `EVERTHREAD_REQUIRE_POSTGRES=1`.
///
/// # Panics
/// When a server is required and there is none, or it does not start.
pub fn postgres() -> Option<&'static PgServer> {
    static SERVER: OnceLock<Option<PgServer>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let required = std::env::var(REQUIRE).is_ok_and(|value| value == "1");
            match find() {
                Some(bin) => Some(PgServer::start(&bin)),
                None if required => panic!("{REQUIRE}=1, and no initdb and postgres were found"),
                None => {
                    // Past the test harness, which hides what passing tests print.
                    let mut err = std::io::stderr().lock();
                    writeln!(
                        err,
                        "\nSKIPPED: no PostgreSQL on this machine; its half of the store's suite did not run."
                    )
                    .ok();
                    None
                }
            }
        })
        .as_ref()
}

/// The folder with `initdb` and `postgres`: in PATH, else where Debian puts them, the newest first.
fn find() -> Option<PathBuf> {
    let complete = |dir: &Path| dir.join("initdb").exists() && dir.join("postgres").exists();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    dirs.sort();
    dirs.reverse();
    std::env::split_paths(&path).chain(dirs).find(|dir| complete(dir))
}

/// PostgreSQL refuses to run as root: the words that run a command as user `postgres` instead.
fn as_user(dir: &Path) -> Vec<String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    if !root {
        return vec!["env".to_owned()];
    }
    Command::new("chown").arg("postgres").arg(dir).status().ok();
    ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"].map(str::to_owned).to_vec()
}

impl PgServer {
    fn start(bin: &Path) -> Self {
        let dir =
            tempfile::Builder::new().prefix("everthread-pg-").tempdir().expect("temporary folder").keep();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let keeper = Command::new("sh")
            .args(["-c", SCRIPT, "everthread-pg"])
            .args([dir.as_os_str(), bin.as_os_str()])
            .arg(port.to_string())
            .args(as_user(&dir))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .current_dir("/")
            .spawn()
            .expect("a shell");
        let server = Self { port, dir, names: AtomicU32::new(0), keeper: Mutex::new(keeper) };
        server.wait();
        server
    }

    fn wait(&self) {
        let until = Instant::now() + Duration::from_mins(1);
        let socket = self.dir.join(format!(".s.PGSQL.{}.lock", self.port));
        let ready = || {
            socket.exists()
                && std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
                && std::fs::read_to_string(self.dir.join("data/postmaster.pid"))
                    .is_ok_and(|text| text.contains("ready"))
        };
        while !ready() {
            let over = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            assert!(
                Instant::now() < until && matches!(over, Ok(None)),
                "PostgreSQL did not start; see the logs in {}",
                self.dir.display()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server for everybody, breaking all connections; its data stays.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&self) {
        self.tell("stop");
        let until = Instant::now() + Duration::from_mins(1);
        while !self.dir.join("stopped").exists() {
            assert!(Instant::now() < until, "PostgreSQL did not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it again on the same port and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        self.tell("start");
        self.wait();
    }

    fn tell(&self, word: &str) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let input = keeper.stdin.as_mut().expect("the keeper's input");
        writeln!(input, "{word}").and_then(|()| input.flush()).expect("the keeper listens");
    }

    /// Address of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://everthread@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a new, empty database and returns its address.
    ///
    /// # Panics
    /// When the server refuses.
    #[expect(clippy::disallowed_methods, reason = "the connection's task is awaited below")]
    pub async fn database(&self) -> String {
        let name = format!("t{}", self.names.fetch_add(1, Ordering::Relaxed));
        let (client, connection) =
            tokio_postgres::connect(&self.url("postgres"), NoTls).await.expect("a connection to the server");
        let running = tokio::spawn(connection);
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a new database");
        drop(client);
        running.await.ok();
        self.url(&name)
    }
}
