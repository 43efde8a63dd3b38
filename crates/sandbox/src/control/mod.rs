//! Steering the sandbox by HTTP, all JSON. A body needs `Content-Type: application/json`, which keeps web pages out.
//!
//! | call | what |
//! |---|---|
//! | `GET /_control` | seed, addresses, switches |
//! | `POST /_control/accounts` [`NewAccount`](crate::NewAccount) | registers; answers the account with its credentials |
//! | `GET /_control/accounts[/{id}]`, `DELETE`, `PATCH` `{webhook_url, revoked, subscribed, human_agent, limits}` | |
//! | `POST /_control/accounts/{id}/verify` | Meta's GET handshake with the webhook URL |
//! | `GET /_control/accounts/{id}/customers`, `POST` `{address, name, phone, email, language}` | lists, adds |
//! | `PATCH /_control/accounts/{id}/customers/{key}` `{blocked, offline, gone, opted_out, carrier_error, last_wrote_ms}` | |
//! | `POST /_control/accounts/{id}/customers/{key}/say` [`Speech`] | makes a customer do something |
//! | `POST /_control/chatter` `{on, replies}` | the customers' own writing, and their answering |
//! | `GET /_control/books?account=&customer=&author=&after=&limit=` | what passed, with ids, states and times; counts |
//! | `GET /_control/faults`, `POST` [`Fault`](crate::Fault), `DELETE [/{id}]` | |
//! | `POST /_control/press` [`Press`](crate::Press) | takes a component, or all, of a platform or company down; answers `{ids}` |

pub(crate) mod people;

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{Account, NewAccount, Platform, register};
use crate::limit::Limits;
use crate::world::World;
use crate::{Error, Fault, Press, customers, fault, telegram};

pub use people::Speech;

/// Why a control call failed.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status =
            if error.to_string().starts_with("no ") { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT };
        Self(status, error.to_string())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

type Answer = Result<Json<Value>, Problem>;
type Asked<T> = Result<Json<T>, JsonRejection>;

fn no_account(id: &str) -> Problem {
    Problem(StatusCode::NOT_FOUND, format!("no account {id}"))
}

/// The control API.
pub(crate) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/_control", get(about))
        .route("/_control/accounts", get(accounts).post(add_account))
        .route("/_control/accounts/{id}", get(one_account).patch(change_account).delete(remove_account))
        .route("/_control/accounts/{id}/verify", post(verify))
        .route("/_control/accounts/{id}/customers", get(people::list).post(people::add))
        .route("/_control/accounts/{id}/customers/{key}", patch(people::change))
        .route("/_control/accounts/{id}/customers/{key}/say", post(people::say))
        .route("/_control/chatter", post(chatter))
        .route("/_control/books", get(books))
        .route("/_control/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_control/faults/{id}", axum::routing::delete(remove_fault))
        .route("/_control/press", post(press))
}

async fn about(State(world): State<Arc<World>>) -> Json<Value> {
    let state = world.state();
    let bases: Vec<Value> = Platform::ALL
        .map(|p| json!({"platform": p, "company": p.company(), "api_base": format!("{}{}", world.base_url, p.path())}))
        .to_vec();
    Json(
        json!({"seed": world.config.seed, "speed": world.config.speed, "now_ms": world.now_ms(), "platforms": bases,
        "chatter": state.chatter, "replies": state.replies, "accounts": state.accounts.len(),
        "faults": state.faults.len()}),
    )
}

fn shown(account: &Account) -> Value {
    json!({"account": account.view, "customers": account.customers.len(), "counts": account.book.counts})
}

async fn accounts(State(world): State<Arc<World>>) -> Json<Value> {
    let list: Vec<Value> = world.state().accounts.values().map(shown).collect();
    Json(json!({"accounts": list}))
}

async fn add_account(
    State(world): State<Arc<World>>,
    asked: Asked<NewAccount>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let view = register(&world, asked?.0)?;
    Ok((StatusCode::CREATED, Json(json!(view))))
}

async fn one_account(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let state = world.state();
    state.accounts.get(&id).map(|a| Json(shown(a))).ok_or_else(|| no_account(&id))
}

async fn remove_account(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    world.state().accounts.remove(&id).map(|a| Json(json!(a.view))).ok_or_else(|| no_account(&id))
}

/// What of an account may change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Change {
    webhook_url: Option<String>,
    secret_token: Option<String>,
    revoked: Option<bool>,
    subscribed: Option<bool>,
    human_agent: Option<bool>,
    limits: Option<Limits>,
}

async fn change_account(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    asked: Asked<Change>,
) -> Answer {
    let Json(change) = asked?;
    let mut state = world.state();
    let account = state.accounts.get_mut(&id).ok_or_else(|| no_account(&id))?;
    if let Some(url) = change.webhook_url {
        if account.view.platform == Platform::Telegram {
            account
                .bot
                .set_webhook(url.clone(), change.secret_token.clone().or(account.view.secret_token.clone()));
        }
        account.view.webhook_url = Some(url);
    }
    account.view.secret_token = change.secret_token.or(account.view.secret_token.take());
    account.view.revoked = change.revoked.unwrap_or(account.view.revoked);
    account.view.subscribed = change.subscribed.unwrap_or(account.view.subscribed);
    account.human_agent = change.human_agent.unwrap_or(account.human_agent);
    account.limits = change.limits.unwrap_or_else(|| account.limits.clone());
    let answer = shown(account);
    drop(state);
    telegram::pump(&world, &id);
    Ok(Json(answer))
}

/// Does Meta's handshake with the account's webhook URL.
async fn verify(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let (url, token, challenge) = {
        let mut state = world.state();
        let account = state.accounts.get_mut(&id).ok_or_else(|| no_account(&id))?;
        let challenge = account.rng.digits(10);
        (account.view.webhook_url.clone(), account.view.verify_token.clone(), challenge)
    };
    let Some(url) = url else {
        return Err(Problem(StatusCode::CONFLICT, "the account has no webhook_url".to_owned()));
    };
    let query = [("hub.mode", "subscribe"), ("hub.challenge", &challenge), ("hub.verify_token", &token)];
    let request = world.http.get(&url).query(&query).timeout(std::time::Duration::from_secs(10));
    let (status, body) = match request.send().await {
        Ok(response) => (response.status().as_u16(), response.text().await.unwrap_or_default()),
        Err(error) => (0, error.to_string()),
    };
    let verified = status == 200 && body == challenge;
    if let Some(account) = world.state().accounts.get_mut(&id)
        && verified
    {
        account.view.subscribed = true;
    }
    Ok(Json(
        json!({"verified": verified, "status": status, "body": body.chars().take(200).collect::<String>()}),
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Switches {
    on: Option<bool>,
    replies: Option<bool>,
}

async fn chatter(State(world): State<Arc<World>>, asked: Asked<Switches>) -> Answer {
    let Json(asked) = asked?;
    let (on, replies) = {
        let state = world.state();
        (asked.on.unwrap_or(state.chatter), asked.replies.unwrap_or(state.replies))
    };
    customers::switch(&world, on, replies);
    Ok(Json(json!({"on": on, "replies": replies})))
}

#[derive(Debug, Deserialize)]
struct BooksOf {
    account: Option<String>,
    customer: Option<String>,
    /// `business` gives what was sent to customers.
    author: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

async fn books(State(world): State<Arc<World>>, Query(of): Query<BooksOf>) -> Answer {
    let state = world.state();
    if let Some(id) = &of.account
        && !state.accounts.contains_key(id)
    {
        return Err(no_account(id));
    }
    let limit = of.limit.unwrap_or(1_000).min(100_000);
    let mut out = serde_json::Map::new();
    for (id, account) in &state.accounts {
        if of.account.as_ref().is_some_and(|a| a != id) {
            continue;
        }
        let mut rows = Vec::new();
        for (n, message) in account.book.iter() {
            let wanted = of.after.is_none_or(|after| n > after)
                && of.customer.as_ref().is_none_or(|c| *c == message.customer)
                && of.author.as_ref().is_none_or(|a| json!(message.author) == json!(a));
            if !wanted {
                continue;
            }
            if rows.len() == limit {
                break;
            }
            let mut row = json!(message);
            row["n"] = json!(n);
            rows.push(row);
        }
        out.insert(id.clone(), json!({"counts": account.book.counts, "messages": rows}));
    }
    Ok(Json(Value::Object(out)))
}

async fn faults(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({"faults": world.state().faults}))
}

async fn add_fault(
    State(world): State<Arc<World>>,
    asked: Asked<Fault>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = fault::inject(&world, asked?.0)?;
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

async fn press(
    State(world): State<Arc<World>>,
    asked: Asked<Press>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let ids = crate::press::press(&world, &asked?.0)?;
    Ok((StatusCode::CREATED, Json(json!({"ids": ids}))))
}

async fn remove_fault(State(world): State<Arc<World>>, Path(id): Path<u64>) -> Answer {
    if fault::remove(&world, id) {
        Ok(Json(json!({"removed": id})))
    } else {
        Err(Problem(StatusCode::NOT_FOUND, format!("no fault {id}")))
    }
}

async fn clear_faults(State(world): State<Arc<World>>) -> Json<Value> {
    fault::clear(&world);
    Json(json!({"removed": "all"}))
}
