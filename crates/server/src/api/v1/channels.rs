//! `GET /channels`: what accounts can be made on.

use axum::Json;
use everthread_channels::spec::Field;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::account::{ChannelView, FieldView};

/// Every channel of this version, with what an account on it needs.
#[utoipa::path(get, path = "/api/v1/channels", tag = "accounts", responses((status = 200, body = Vec<ChannelView>)))]
pub async fn list_channels(_caller: Caller) -> Result<Json<Vec<ChannelView>>, ApiError> {
    let channels = everthread_channels::CHANNELS.iter().map(|channel| {
        let spec = channel.spec();
        ChannelView {
            name: spec.name.to_owned(),
            title: spec.title.to_owned(),
            network: spec.network.to_owned(),
            fate: spec.fate.iter().map(|group| (*group).to_owned()).collect(),
            settings: spec.settings.iter().map(field).collect(),
            secrets: spec.secrets.iter().map(field).collect(),
        }
    });
    Ok(Json(channels.collect()))
}

fn field(field: &Field) -> FieldView {
    FieldView { name: field.name.to_owned(), required: field.required, help: field.help.to_owned() }
}
