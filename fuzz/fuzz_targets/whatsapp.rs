//! Verifies and parses any bytes as the channel `whatsapp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| everthread_fuzz::feed("whatsapp", data));
