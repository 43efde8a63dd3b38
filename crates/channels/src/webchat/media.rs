//! Visitors' files are in our own store already.

use everthread_core::content::MediaSource;

use crate::MediaStep;

/// Nothing to fetch: what is not stored already is not a file of this channel.
pub(super) fn step(source: &MediaSource) -> Option<MediaStep> {
    match source {
        MediaSource::Stored(_) => None,
        MediaSource::Url(_) | MediaSource::ProviderId(_) => {
            Some(MediaStep::Gone("the web chat takes files by upload only".to_owned()))
        }
    }
}
