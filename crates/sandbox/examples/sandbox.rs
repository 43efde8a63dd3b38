//! Runs the sandbox alone: `cargo run -p everthread-sandbox --example sandbox -- 127.0.0.1:8790`.

use std::net::SocketAddr;
use std::time::SystemTime;

use everthread_sandbox::{Config, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen: SocketAddr =
        std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8790".to_owned()).parse()?;
    #[expect(clippy::disallowed_methods, reason = "this is the shell")]
    let config = Config { chatter: false, speed: 20.0, ..Config::new(listen, SystemTime::now()) };
    let handle = run(config, CancellationToken::new()).await?;
    println!("sandbox on http://{}/_control", handle.addr());
    handle.stopped().await;
    Ok(())
}
