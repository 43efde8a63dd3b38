//! Payloads into events.
