//! libFuzzer drives the target `params`: see docs/fuzzing.md.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shotgrid_fuzz::params::run(data));
