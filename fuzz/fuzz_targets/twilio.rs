//! Verifies and parses any bytes as the channel `twilio`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| everthread_fuzz::feed("twilio", data));
