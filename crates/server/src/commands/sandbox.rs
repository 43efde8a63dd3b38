//! `everthread sandbox`: simulated platforms on their own.

use crate::admin::Failure;
use crate::supervisor::Supervisor;

/// Runs until interrupted.
pub(super) async fn run(listen: &str) -> Result<(), Failure> {
    let supervisor = Supervisor::new();
    let stop = supervisor.stopping();
    let addr = listen.parse().map_err(|_| Failure(format!("{listen:?} is not of the form ADDR:PORT")))?;
    let mut config = everthread_sandbox::Config::new(addr, crate::clock::system_time());
    config.seed = crate::clock::seed();
    let handle = everthread_sandbox::run(config, stop.clone())
        .await
        .map_err(|e| Failure(format!("the sandbox can't listen on {listen}: {e}")))?;
    println!("simulated platforms on http://{}", handle.addr());
    let _ = tokio::signal::ctrl_c().await;
    stop.cancel();
    Ok(())
}
