//! `everthread replay`: applies raw events from the journal again. What is already applied stays as it is, and rules
//! see none of it (I2).

use everthread_core::time::Timestamp;
use everthread_store::journal::Journal;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::execute::{Sink, print};
use super::{Admin, Failure};
use crate::apply::Stage;
use crate::effects::Effects;

pub(super) async fn run(admin: &Admin, from_micros: Option<i64>, sink: &Sink) -> Result<(), Failure> {
    let journal = match &admin.journal {
        Some(journal) => journal.clone(),
        None => open_journal(admin)?,
    };
    let reader = journal.reader_at(Timestamp::from_micros(from_micros.unwrap_or(0)));
    let effects = admin.effects.clone().unwrap_or_else(|| {
        let (notes, _) = tokio::sync::mpsc::unbounded_channel();
        Effects::new(
            notes,
            crate::realtime::Realtime::new(admin.store.clone()),
            admin.hub.clone(),
            crate::continuity::view(),
        )
    });
    let stage = Stage {
        store: admin.store.clone(),
        journal,
        keys: admin.seal.event_keys(),
        registry: admin.hub.registry(),
        rules: admin.hub.rules(),
        effects,
        data: admin.config.data.clone(),
        stop: CancellationToken::new(),
        acknowledge: None,
    };
    let records = stage.replay(reader).await.map_err(Failure::from_display)?;
    print(sink, &json!({ "records": records })).await
}

fn open_journal(admin: &Admin) -> Result<Journal, Failure> {
    let (journal, _) = crate::commands::open_journal(&admin.config)?;
    Ok(journal)
}
