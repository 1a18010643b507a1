//! libFuzzer drives the target `sequences`: see docs/fuzzing.md.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shotgrid_fuzz::sequences::run(data));
