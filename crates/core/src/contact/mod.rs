//! Contacts as people think of them: what becomes of two that turn out to be one person, and back.

mod merge;

pub use merge::{Case, Conflict, LeadFacts, LeadMerge, Merged, NAME, Person, Split, merge, unmerge};

#[cfg(test)]
mod tests;
