//! Verifies and parses any bytes as the channel `email`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| everthread_fuzz::feed("email", data));
