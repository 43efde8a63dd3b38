//! Rules.

pub mod create;
pub mod delete;
pub mod list;
pub mod update;

use everthread_core::ids::{RuleId, Uid};
use everthread_core::limits::RULES_MAX;
use everthread_core::rules::{Rule, Source, compile};
use everthread_store::read::accounts::{RuleRow, Rules};
use everthread_store::units::UpsertRule;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::fields;
use super::super::model::id;
use super::super::state::ApiState;

/// A rule as it is read: `trigger`, `conditions`, `actions` and `stop` beside its id and place.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleView {
    /// `rule_...`
    pub id: String,
    pub name: String,
    pub enabled: bool,
    /// Rules are tried in rising order.
    pub position: i64,
    /// `{trigger, conditions?, actions, stop?}`
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rule: serde_json::Value,
}

/// A rule as it is written.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RuleForm {
    pub name: String,
    /// True unless it says otherwise.
    pub enabled: Option<bool>,
    /// Behind all others unless it says otherwise.
    pub position: Option<i64>,
    /// `{trigger, conditions?, actions, stop?}`
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub rule: serde_json::Map<String, serde_json::Value>,
}

impl RuleForm {
    /// The rule checked as the engine will check it. Fails with what is wrong and where.
    async fn checked(mut self, state: &ApiState, caller: &Caller) -> Result<RuleText, ApiError> {
        let invalid = |detail: String| ApiError::Invalid { field: "rule", detail };
        let name = fields::short("name", &self.name)?;
        // A client may send back what it was given.
        self.rule.remove("id");
        let rule: Rule = serde_json::from_value(serde_json::Value::Object(self.rule))
            .map_err(|error| invalid(error.to_string()))?;
        let source = Source { id: RuleId(0), name: name.clone(), rule: rule.clone() };
        compile(vec![source]).map_err(|errors| {
            let all: Vec<String> =
                errors.iter().map(|error| format!("{}: {}", error.path, error.message)).collect();
            invalid(all.join("; "))
        })?;
        let rules = state.store.read(Rules { workspace: caller.workspace }).await?;
        if rules.len() > RULES_MAX {
            return Err(ApiError::Conflict(format!("a workspace holds at most {RULES_MAX} rules")));
        }
        let position = self.position.unwrap_or_else(|| rules.last().map_or(1, |last| last.position + 1));
        let body = serde_json::to_string(&rule).map_err(ApiError::internal)?;
        Ok(RuleText { name, enabled: self.enabled.unwrap_or(true), position, body })
    }
}

fn view(row: RuleRow) -> RuleView {
    RuleView {
        id: id(RuleId::PREFIX, row.uid),
        name: row.name,
        enabled: row.enabled,
        position: row.position,
        rule: super::super::model::json(&row.body),
    }
}

/// A rule that was checked.
struct RuleText {
    name: String,
    enabled: bool,
    position: i64,
    /// JSON of `core::rules::Rule`.
    body: String,
}

impl RuleText {
    /// Stores it: a new one, or in the place of `uid`. Answers with what is stored then.
    async fn store(self, state: &ApiState, caller: &Caller, uid: Option<Uid>) -> Result<RuleView, ApiError> {
        let Self { name, enabled, position, body } = self;
        let (now, seed, workspace) = (state.now(), (state.seed)(), caller.workspace);
        let unit = UpsertRule { now, seed, workspace, uid, name, enabled, position, body };
        let (_, stored, after) = state.store.write(unit).await?;
        let action = if uid.is_some() { "rule.update" } else { "rule.add" };
        state.committed(after);
        crate::api::audit(state, caller, action, &id(RuleId::PREFIX, stored)).await?;
        state.hub.configuration_changed().await;
        reread(state, caller, stored).await
    }
}

/// One rule, as it is after a write.
async fn reread(state: &ApiState, caller: &Caller, uid: Uid) -> Result<RuleView, ApiError> {
    let rules = state.store.read(Rules { workspace: caller.workspace }).await?;
    rules.into_iter().find(|row| row.uid == uid).map(view).ok_or(ApiError::NotFound { what: "rule" })
}
