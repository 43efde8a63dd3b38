//! Which address leads where.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::error::ApiError;
use super::state::ApiState;
use super::{JSON_BYTES_MAX, idempotency, openapi, security, v1};

/// Every endpoint under `/api`, and its document. Unknown addresses under `/api` are answered here too.
pub fn router(state: ApiState) -> (Router, OpenApi) {
    let (api, document) = endpoints().split_for_parts();
    let document = openapi::complete(document);
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    let router = api
        .route("/api/openapi.json", get(move || async move { openapi::serve(text) }))
        .route("/api/{*rest}", axum::routing::any(|| async { ApiError::NotFound { what: "endpoint" } }))
        .method_not_allowed_fallback(|| async {
            ApiError::BadRequest("this address does not take that method".to_owned())
        })
        .layer(from_fn_with_state(state.clone(), idempotency::layer))
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .layer(from_fn(security::api_headers))
        .with_state(state);
    (router, document)
}

/// The endpoints alone.
pub(super) fn endpoints() -> OpenApiRouter<ApiState> {
    talk().merge(workspace()).merge(system())
}

fn talk() -> OpenApiRouter<ApiState> {
    use v1::{contacts, conversations, leads, media, messages};
    OpenApiRouter::new()
        .routes(routes!(conversations::list::list_conversations))
        .routes(routes!(conversations::counts::count_conversations))
        .routes(routes!(conversations::show::show_conversation))
        .routes(routes!(conversations::messages::list_messages, conversations::send::send_message))
        .routes(routes!(conversations::plans::list_plans))
        .routes(routes!(conversations::route::choose_route))
        .routes(routes!(conversations::links::list_links, conversations::links::make_link))
        .routes(routes!(conversations::links::revoke_link))
        .routes(routes!(conversations::read::read_conversation))
        .routes(routes!(conversations::assign::assign_conversation))
        .routes(routes!(conversations::status::set_status))
        .routes(routes!(conversations::labels::set_labels))
        .routes(routes!(messages::attempts::list_attempts))
        .routes(routes!(messages::cancel::cancel_message))
        .routes(routes!(messages::retry::retry_message))
        .routes(routes!(contacts::list::list_contacts))
        .routes(routes!(
            contacts::show::show_contact,
            contacts::update::update_contact,
            contacts::erase::erase_contact
        ))
        .routes(routes!(contacts::verify::verify_identity))
        .routes(routes!(contacts::merge::preview_merge, contacts::merge::merge_contact))
        .routes(routes!(contacts::merge::undo_merge))
        .routes(routes!(contacts::split::split_contact))
        .routes(routes!(contacts::export::export_contact))
        .routes(routes!(leads::list::list_leads))
        .routes(routes!(leads::update::update_lead))
        .routes(routes!(v1::pipelines::list_pipelines))
        .routes(routes!(media::upload::upload_media).layer(media::upload::body_limit()))
        .routes(routes!(media::show::show_media))
}

fn workspace() -> OpenApiRouter<ApiState> {
    use v1::{accounts, api_keys, continuity, incidents, problems, rules, sandbox, users, webhooks};
    OpenApiRouter::new()
        .routes(routes!(users::list::list_users, users::invite::invite_user))
        .routes(routes!(users::update::update_user, users::remove::remove_user))
        .routes(routes!(users::reset::reset_user))
        .routes(routes!(api_keys::list::list_api_keys, api_keys::create::create_api_key))
        .routes(routes!(api_keys::revoke::revoke_api_key))
        .routes(routes!(v1::audit::list_audit))
        .routes(routes!(v1::retention::show_retention, v1::retention::set_retention))
        .routes(routes!(v1::security::show_security, v1::security::set_security))
        .routes(routes!(v1::labels::list_labels))
        .routes(routes!(accounts::list::list_accounts, accounts::create::create_account))
        .routes(routes!(accounts::delete::delete_account))
        .routes(routes!(v1::channels::list_channels))
        .routes(routes!(rules::list::list_rules, rules::create::create_rule))
        .routes(routes!(rules::update::update_rule, rules::delete::delete_rule))
        .routes(routes!(webhooks::list::list_webhooks, webhooks::create::create_webhook))
        .routes(routes!(webhooks::delete::delete_webhook))
        .routes(routes!(webhooks::deliveries::list_deliveries))
        .routes(routes!(webhooks::redeliver::redeliver_webhook))
        .routes(routes!(webhooks::test::test_webhook))
        .routes(routes!(incidents::list::list_incidents, incidents::declare::declare_incident))
        .routes(routes!(incidents::show::show_incident))
        .routes(routes!(incidents::dismiss::dismiss_incident))
        .routes(routes!(incidents::plans::list_incident_plans))
        .routes(routes!(incidents::approve::approve_plans))
        .routes(routes!(continuity::health::show_health))
        .routes(routes!(continuity::policy::show_policy, continuity::policy::set_policy))
        .routes(routes!(sandbox::show::show_sandbox))
        .routes(routes!(sandbox::press::press_sandbox, sandbox::lift::lift_all_faults))
        .routes(routes!(sandbox::lift::lift_fault))
        .routes(routes!(problems::list::list_problems))
        .routes(routes!(problems::replay::replay_problem))
        .routes(routes!(v1::export::export_rows))
}

fn system() -> OpenApiRouter<ApiState> {
    use v1::session;
    OpenApiRouter::new()
        .routes(routes!(
            session::show::show_session,
            session::create::create_session,
            session::delete::delete_session
        ))
        .routes(routes!(session::link::create_session_by_link))
        .routes(routes!(session::second_step::finish_sign_in))
        .routes(routes!(session::second_factor::begin_second_factor))
        .routes(routes!(session::second_factor::confirm_second_factor))
        .routes(routes!(session::second_factor::drop_second_factor))
        .routes(routes!(session::password::set_password))
        .routes(routes!(session::sso::show_sso))
        .routes(routes!(session::sso::begin_sso))
        .routes(routes!(session::sso::finish_sso))
        .routes(routes!(v1::stream::stream_changes))
        .routes(routes!(v1::system::show_system))
}
