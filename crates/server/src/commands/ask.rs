//! Runs a command on the data: through the hub where one runs, else right here.

use std::io::Write;

use crate::admin::{self, Admin, Failure, Request};
use crate::config::Config;

/// Does what `request` says and writes its output to `out`.
pub(super) async fn run(
    config: &Config,
    request: &Request,
    out: &mut (impl Write + Send),
) -> Result<(), Failure> {
    let locked = admin::lock(&config.data)
        .map_err(|e| Failure(format!("the data folder {} can't be used: {e}", config.data.display())))?;
    let Some(_lock) = locked else {
        return admin::ask(&config.data, request, out).await;
    };
    let admin = Admin::open(config).await?;
    let (sink, mut output) = tokio::sync::mpsc::channel::<Vec<u8>>(8);
    let work = admin::execute(&admin, request.clone(), sink);
    let copy = async {
        while let Some(bytes) = output.recv().await {
            out.write_all(&bytes).map_err(Failure::from_display)?;
        }
        Ok(())
    };
    let (done, copied) = tokio::join!(work, copy);
    done.and(copied)
}
