//! The processes of a measurement: all of them this same program.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};

use super::wire;
use crate::admin::Failure;

/// Time a server has to come up.
const START: Duration = Duration::from_mins(1);

/// A server under measurement; killed when dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: String,
}

impl Server {
    /// Starts this program with `arguments`, in which `{listen}` stands for a free address, and waits until it
    /// answers 200 at `path`.
    pub(super) async fn start(arguments: &[&str], path: &str) -> Result<Self, Failure> {
        let address = free_address()?;
        Self::spawn(arguments, &address)?.ready(path).await
    }

    /// Starts this program at this address, and does not wait for it.
    pub(super) fn spawn(arguments: &[&str], address: &str) -> Result<Self, Failure> {
        let arguments: Vec<String> = arguments.iter().map(|a| a.replace("{listen}", address)).collect();
        let child = command(&arguments)?.stdout(Stdio::null()).spawn().map_err(Failure::from_display)?;
        Ok(Self { child, address: address.to_owned() })
    }

    /// Waits until it answers 200 at `path`.
    pub(super) async fn ready(mut self, path: &str) -> Result<Self, Failure> {
        let start = Instant::now();
        loop {
            if matches!(wire::get(&self.address, path).await, Ok((200, _))) {
                return Ok(self);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Failure(format!("a server under measurement ended at once: {status}")));
            }
            if start.elapsed() > START {
                return Err(Failure("a server under measurement did not come up".into()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until its database is open too; `/readyz` answers 200 as soon as webhooks can be kept.
    pub(super) async fn opened(self) -> Result<Self, Failure> {
        let start = Instant::now();
        while start.elapsed() < START {
            let answer = wire::get(&self.address, "/readyz").await;
            if answer.is_ok_and(|(_, body)| body.contains(r#""store":"open""#)) {
                return Ok(self);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(Failure("a server under measurement did not open its database".into()))
    }

    /// Processor time used so far.
    pub(super) fn cpu(&self) -> Duration {
        let stat = self.child.id().map(|id| std::fs::read_to_string(format!("/proc/{id}/stat")));
        let Some(Ok(stat)) = stat else { return Duration::ZERO };
        // After the name in brackets; fields 14 and 15 of proc(5), in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// Memory it holds, in megabytes (`VmRSS` of proc(5)).
    pub(super) fn resident_mb(&self) -> f64 {
        let status = self.child.id().map(|id| std::fs::read_to_string(format!("/proc/{id}/status")));
        let Some(Ok(status)) = status else { return 0.0 };
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) * 1_024.0 / 1e6
    }

    /// Ends it and waits for its end.
    pub(super) async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}

/// An address on loopback that nobody listens on.
pub(super) fn free_address() -> Result<String, Failure> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::from_display)?;
    Ok(socket.local_addr().map_err(Failure::from_display)?.to_string())
}

/// Runs this program to its end and gives what it prints.
pub(super) async fn output(arguments: &[String]) -> Result<String, Failure> {
    let output = command(arguments)?.stdout(Stdio::piped()).output().await.map_err(Failure::from_display)?;
    if !output.status.success() {
        return Err(Failure(format!("{} ended with {}", arguments.join(" "), output.status)));
    }
    String::from_utf8(output.stdout).map_err(Failure::from_display)
}

/// Runs this program to its end and reads the JSON it prints.
pub(super) async fn report<T: DeserializeOwned>(arguments: &[String]) -> Result<T, Failure> {
    serde_json::from_str(&output(arguments).await?).map_err(Failure::from_display)
}

fn command(arguments: &[String]) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe().map_err(Failure::from_display)?);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVERTHREAD_"))
    {
        command.env_remove(name);
    }
    command.env("EVERTHREAD_LOG", std::env::var("EVERTHREAD_BENCH_LOG").unwrap_or_else(|_| "warn".into()));
    Ok(command)
}
