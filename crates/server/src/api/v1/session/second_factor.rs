//! A person's own second factor: begin, confirm, switch off.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use everthread_core::time::Span;
use everthread_store::units::{BeginSecondFactor, ConfirmSecondFactor, DropSecondFactor, SecondFactorOf};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{check_password, person};
use crate::api::auth::second_factor;
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::state::ApiState;

/// A secret that is not confirmed within this time has to be begun again.
const CONFIRM_WITHIN: Span = Span::mins(30);

/// Proof that it is the person who asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The present password.
    pub password: Option<String>,
    /// A code of the app, or a recovery code; to switch off only.
    pub code: Option<String>,
}

/// What an authenticator app needs. It is shown until it is confirmed and never again.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorSetup {
    /// Base 32, to be typed.
    pub secret: String,
    /// `otpauth://...`
    pub uri: String,
    /// The address as a QR code, an SVG.
    pub qr_svg: String,
}

/// Draws a secret for an authenticator app. Nothing changes at the sign-in until a code of it was shown.
#[utoipa::path(post, path = "/api/v1/session/second-factor", tag = "session", request_body = Proof,
    responses((status = 200, body = SecondFactorSetup)))]
pub async fn begin_second_factor(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Body(proof): Body<Proof>,
) -> Result<Json<SecondFactorSetup>, ApiError> {
    let person = person(&headers, &state).await?;
    check_password(&state, &person, proof.password).await?;
    let secret = second_factor::draw(&state);
    let totp = second_factor::generator(&secret, &person.user.email)?;
    let uri = totp.to_url().map_err(|error| ApiError::internal(error.to_string()))?;
    let qr_svg = second_factor::qr_svg(&uri)?;
    let unit = BeginSecondFactor { now: state.now(), user: person.user.id, secret: state.hub.seal(&secret) };
    state.store.write(unit).await?;
    Ok(Json(SecondFactorSetup { secret: totp.secret().to_base32(), uri, qr_svg }))
}

/// The first code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstCode {
    pub code: String,
}

/// Codes for the day the phone is lost. They are shown this once; each works once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

/// Switches the second factor on: from now on every sign-in asks for a code.
#[utoipa::path(post, path = "/api/v1/session/second-factor/confirm", tag = "session", request_body = FirstCode,
    responses((status = 200, body = RecoveryCodes)))]
pub async fn confirm_second_factor(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Body(form): Body<FirstCode>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let person = person(&headers, &state).await?;
    state.limits.code(person.user.id)?;
    let now = state.now();
    let row = state.store.read(SecondFactorOf { user: person.user.id }).await?;
    let row = row
        .filter(|row| row.confirmed_at.is_none() && now.since(row.created_at) < CONFIRM_WITHIN)
        .ok_or_else(|| ApiError::Conflict("nothing waits to be confirmed; begin again".to_owned()))?;
    let wrong = || ApiError::Invalid {
        field: "code",
        detail: "this is not the code of now; check the clock of your phone".to_owned(),
    };
    let code: String = form.code.chars().filter(char::is_ascii_digit).take(8).collect();
    let step = second_factor::step(&second_factor::open(&state, &row)?, &code, now).ok_or_else(wrong)?;
    let (recovery_codes, recovery) = second_factor::recovery_codes(&state);
    let unit = ConfirmSecondFactor { now, user: person.user.id, step, recovery };
    if !state.store.write(unit).await? {
        return Err(wrong());
    }
    crate::api::audit_person(&state, &person, "second_factor.on").await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Switches the second factor off, for the present password or a code.
#[utoipa::path(post, path = "/api/v1/session/second-factor/off", tag = "session", request_body = Proof,
    responses((status = 204)))]
pub async fn drop_second_factor(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Body(proof): Body<Proof>,
) -> Result<StatusCode, ApiError> {
    let person = person(&headers, &state).await?;
    let code = proof.code.filter(|code| !code.trim().is_empty());
    match code {
        Some(code) => {
            if !second_factor::verify(&state, person.user.id, &code).await? {
                let detail = "this code is wrong, or was used already".to_owned();
                return Err(ApiError::Invalid { field: "code", detail });
            }
        }
        None if person.user.password_hash.is_none() => {
            return Err(ApiError::Invalid { field: "code", detail: "a code is needed".to_owned() });
        }
        None => check_password(&state, &person, proof.password).await?,
    }
    state.store.write(DropSecondFactor { user: person.user.id }).await?;
    crate::api::audit_person(&state, &person, "second_factor.off").await?;
    Ok(StatusCode::NO_CONTENT)
}
