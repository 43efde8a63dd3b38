//! Files: links that die soon, without a credential.

use everthread_core::content::MediaSource;

use crate::MediaStep;
use crate::wire::WireRequest;

/// Fetch the link as it is.
pub(crate) fn step(source: &MediaSource) -> Option<MediaStep> {
    let MediaSource::Url(url) = source else { return None };
    Some(MediaStep::Fetch(WireRequest {
        method: "GET",
        url: url.clone(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
        secrets: Vec::new(),
    }))
}
