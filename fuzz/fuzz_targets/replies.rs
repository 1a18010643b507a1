//! libFuzzer drives the target `replies`: see docs/fuzzing.md.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shotgrid_fuzz::replies::run(data));
