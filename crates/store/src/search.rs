//! Our own tokens for full-text search, the same on both engines.
