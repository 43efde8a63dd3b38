//! The continuation link into the web chat, and how who opened it is proved to be the customer (design section 5).
//!
//! Opening a link proves possession of the link alone: the visitor is *invited*, sees nothing and is marked. A one-time code over
//! another, verified address of the contact makes the visitor *verified*. Pure; the store keeps links and codes, the server makes
//! tokens and codes from what it holds.

mod code;
mod link;
mod way;

pub use code::{CODE_MARK, CODE_TEXT, CodeFacts, TooSoon, code_text, digits, may_send, may_try};
pub use link::{LinkFacts, Opening, open};
pub use way::{Asking, NoWay, choose};

#[cfg(test)]
mod tests;
