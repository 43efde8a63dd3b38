//! One suite that every channel passes.
