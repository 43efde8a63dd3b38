//! The OpenAPI document: what the annotations say, and what holds for every endpoint.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, Content, InfoBuilder, OpenApi, PathItem, Ref, RefOr, Required, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::error::ProblemBody;

const DESCRIPTION: &str = "\
Lists take `?cursor=&limit=` and answer `{items, next_cursor}`. Times are RFC 3339 in UTC. Refusals are \
`application/problem+json` with a stable `code` and a `next_step`. Sign in by cookie (`POST /session`; writes then need \
`X-CSRF`) or with an API key (`Authorization: Bearer ek_...`). `X-Workspace` chooses the workspace.";

/// The document of this version, as it is served and as `docs/openapi.json` holds it.
pub fn document() -> OpenApi {
    complete(super::routes::endpoints().into_openapi())
}

/// Adds what every endpoint shares: title, sign-in, common headers, the shape of refusals.
pub(super) fn complete(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Everthread")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(utoipa::openapi::License::new("MIT OR Apache-2.0")))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-everthread")));
    components.add_security_scheme("session", cookie);
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("ek_...").build();
    components.add_security_scheme("api_key", SecurityScheme::Http(key));
    let none: [&str; 0] = [];
    document.security =
        Some(vec![SecurityRequirement::new("session", none), SecurityRequirement::new("api_key", none)]);
    for item in document.paths.paths.values_mut() {
        complete_item(item);
    }
    document
}

fn complete_item(item: &mut PathItem) {
    let PathItem { get, put, post, delete, patch, .. } = item;
    if let Some(operation) = get {
        complete_operation(operation, false);
    }
    for operation in [put, post, delete, patch].into_iter().flatten() {
        complete_operation(operation, true);
    }
}

fn complete_operation(operation: &mut Operation, write: bool) {
    let public = operation.security.is_some();
    let parameters = operation.parameters.get_or_insert_default();
    if !public {
        parameters.push(header("X-Workspace", "`ws_...`; without it the first workspace of the caller"));
    }
    if write && !public {
        parameters.push(header("X-CSRF", "`csrf` of `GET /session`; not needed with an API key"));
        parameters.push(header("Idempotency-Key", "The same key with the same request gets the same answer"));
    }
    let problem = Content::new(Some(RefOr::Ref(Ref::from_schema_name(ProblemBody::name()))));
    let refused =
        ResponseBuilder::new().description("Refused").content("application/problem+json", problem).build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(refused));
}

fn header(name: &str, description: &str) -> RefOr<Parameter> {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(Object::with_type(Type::String)))
        .build()
        .into()
}

/// The document as it goes out: public, as the console's own requests show the same.
pub(super) fn serve(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], text).into_response()
}
