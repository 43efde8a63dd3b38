//! Typed reads for the API, exports and the shell.
