//! libFuzzer drives the target `document`: see docs/fuzzing.md.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shotgrid_fuzz::document::run(data));
