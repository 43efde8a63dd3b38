//! `everthread bench`.
/// Which bench.
#[derive(Debug, clap::Subcommand)]
pub enum Bench {
    Ingest,
    Pipeline,
}
pub async fn run(_: &Bench, _: &crate::cli::Place) -> Result<(), crate::admin::Failure> {
    Ok(())
}
