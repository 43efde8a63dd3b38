//! Media of MMS: an address under the API, which may ask for our credential.

use everthread_core::content::MediaSource;

use super::{SPEC, send};
use crate::wire::WireRequest;
use crate::{Account, MediaStep};

/// The credential goes to the API's own host only; redirects lead to public storage without it.
pub(super) fn step(source: &MediaSource, account: &Account<'_>) -> Option<MediaStep> {
    let MediaSource::Url(url) = source else { return None };
    let base = account.settings.get("api_base").unwrap_or(SPEC.api_base).trim_end_matches('/');
    if let Some(path) = url.strip_prefix(base).filter(|path| path.starts_with('/')) {
        return Some(MediaStep::Fetch(send::get(account, path)));
    }
    Some(MediaStep::Fetch(WireRequest {
        method: "GET",
        url: url.clone(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
        secrets: Vec::new(),
    }))
}
