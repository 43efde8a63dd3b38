//! Fixture runner.
