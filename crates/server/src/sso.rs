//! OpenID Connect: authorization code with PKCE, against one provider. What it proves is an issuer's subject; who that
//! is here is decided elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use everthread_core::time::Timestamp;
use everthread_store::units::Role;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreUserInfoClaims,
};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndUserEmail, EndUserName,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LocalizedClaim,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};

use crate::config::SsoConfig;

/// Time for one call to the provider; a person waits for it.
const CALL: Duration = Duration::from_secs(10);

/// Bytes of one answer: discovery documents and key sets are some kilobytes.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// Sign-ins that talk to the provider at once; more wait.
const AT_ONCE: usize = 8;

/// Signatures that are taken: asymmetric ones. With HMAC whoever knows the client's secret could sign.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why a sign-in through the provider did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("[sso] {0}")]
    Config(String),
    #[error("the identity provider did not answer as it should: {0}")]
    Provider(String),
    #[error("the identity provider's token is not valid: {0}")]
    Token(String),
}

/// An HTTP call that failed, as the protocol's library takes it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct CallFailed(String);

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The identity provider. Cheap to clone.
#[derive(Clone)]
pub struct Sso(Arc<Inner>);

struct Inner {
    config: SsoConfig,
    issuer: IssuerUrl,
    http: reqwest::Client,
    slots: tokio::sync::Semaphore,
}

/// The way to the provider. State, nonce and verifier stay with us.
#[derive(Debug)]
pub struct WayThere {
    pub url: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// Whom the provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub issuer: String,
    pub subject: String,
    /// In lower case; none unless the provider says that it verified it.
    pub email: Option<String>,
    pub name: String,
}

impl Sso {
    /// Fails when the issuer is no address; does not call it.
    pub fn new(config: SsoConfig) -> Result<Self, Error> {
        let issuer = IssuerUrl::new(config.issuer.clone())
            .map_err(|e| Error::Config(format!("issuer {:?} is no address: {e}", config.issuer)))?;
        // No redirects: an answer from elsewhere is not the provider's.
        let http = crate::http::builder().redirect(reqwest::redirect::Policy::none()).timeout(CALL);
        let http = http.build().map_err(|e| Error::Config(e.to_string()))?;
        let slots = tokio::sync::Semaphore::new(AT_ONCE);
        Ok(Self(Arc::new(Inner { config, issuer, http, slots })))
    }

    /// What people call the provider.
    pub fn name(&self) -> &str {
        &self.0.config.name
    }

    /// Workspace (by slug; none: the first) and role of people whom nobody invited; none where they are not let in.
    pub fn provision(&self) -> Option<(Option<&str>, Role)> {
        let role = self.0.config.provision_role?;
        Some((self.0.config.provision_workspace.as_deref(), role))
    }

    /// The address to send a browser to. Asks the provider where that is.
    pub async fn way_there(&self, redirect_uri: &str) -> Result<WayThere, Error> {
        let client = self.client(redirect_uri).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(WayThere {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        })
    }

    /// Changes a code for tokens and checks them: signature under the provider's present keys, issuer, audience, time,
    /// nonce. `clock` says what time it is.
    pub async fn prove(
        &self,
        redirect_uri: &str,
        (code, verifier, nonce): (String, String, String),
        clock: fn() -> Timestamp,
    ) -> Result<Proven, Error> {
        let client = self.client(redirect_uri).await?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|e| Error::Provider(e.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&*self.0)
            .await
            .map_err(|e| Error::Provider(told(&e)))?;
        let token =
            answer.id_token().ok_or_else(|| Error::Token("the answer holds no ID token".to_owned()))?;
        let check = client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(move || utc(clock()));
        let claims = token.claims(&check, &Nonce::new(nonce)).map_err(|e| Error::Token(told(&e)))?;
        let (email, verified) = (claims.email().cloned(), claims.email_verified());
        if email.is_some() {
            return Ok(self.proven(claims, (email, verified), claims.name()));
        }
        // Some providers put the address into a second answer only. It has to be about the same subject.
        let (access, subject) = (answer.access_token().clone(), Some(claims.subject().clone()));
        let Ok(request) = client.user_info(access, subject) else {
            return Ok(self.proven(claims, (None, None), claims.name()));
        };
        let more: CoreUserInfoClaims =
            request.request_async(&*self.0).await.map_err(|e| Error::Provider(told(&e)))?;
        Ok(self.proven(claims, (more.email().cloned(), more.email_verified()), more.name().or(claims.name())))
    }

    fn proven(
        &self,
        claims: &CoreIdTokenClaims,
        (email, verified): (Option<EndUserEmail>, Option<bool>),
        name: Option<&LocalizedClaim<EndUserName>>,
    ) -> Proven {
        let email = email.map(|email| email.as_str().trim().to_lowercase());
        let name = name.and_then(|name| name.get(None)).map(|name| name.as_str().trim().to_owned());
        let before_at = |email: &String| email.split('@').next().unwrap_or_default().to_owned();
        let name = name.filter(|name| !name.is_empty()).or_else(|| email.as_ref().map(before_at));
        Proven {
            issuer: self.0.issuer.as_str().to_owned(),
            subject: claims.subject().as_str().to_owned(),
            email: email.filter(|email| verified == Some(true) && email.contains('@')),
            name: name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect(),
        }
    }

    /// A client for the provider as it describes itself now: a swapped key or a moved address needs no restart.
    async fn client(&self, redirect_uri: &str) -> Result<Client, Error> {
        let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(|e| Error::Config(e.to_string()))?;
        let metadata = CoreProviderMetadata::discover_async(self.0.issuer.clone(), &*self.0)
            .await
            .map_err(|e| Error::Provider(told(&e)))?;
        let id = ClientId::new(self.0.config.client_id.clone());
        let secret = self.0.config.client_secret.clone().map(ClientSecret::new);
        Ok(CoreClient::from_provider_metadata(metadata, id, secret).set_redirect_uri(redirect))
    }
}

impl<'c> AsyncHttpClient<'c> for Inner {
    type Error = CallFailed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallFailed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}

impl Inner {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, CallFailed> {
        let _slot = self.slots.acquire().await.map_err(|e| CallFailed(e.to_string()))?;
        let failed = |e: reqwest::Error| CallFailed(told(&e.without_url()));
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let mut answer = self.http.execute(request).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(CallFailed(format!("an answer of more than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn utc(at: Timestamp) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_micros(at.micros()).unwrap_or_default()
}

/// `text` as the value of a query.
pub fn in_query(text: &str) -> String {
    openidconnect::url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
