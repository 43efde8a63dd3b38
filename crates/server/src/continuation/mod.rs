//! Going on in the web chat: links that lead there, and codes that prove who came.

pub mod codes;
mod offer;

pub use offer::{Doorway, TOKEN_CHARS};
