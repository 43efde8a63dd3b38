//! `everthread backup` and `restore`.

use std::path::Path;

use super::execute::Sink;
use super::{Admin, Failure};
use crate::config::Config;

pub(super) async fn run(
    _admin: &Admin,
    _file: &Path,
    _passphrase: &str,
    _sink: &Sink,
) -> Result<(), Failure> {
    Err(Failure("not in this build".into()))
}

/// Brings a backup back into an empty data folder.
pub async fn restore(_config: &Config, _file: &Path, _passphrase: &str) -> Result<(), Failure> {
    Err(Failure("not in this build".into()))
}
