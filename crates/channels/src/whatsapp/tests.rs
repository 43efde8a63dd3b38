//! One line per case.
