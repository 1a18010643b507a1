//! libFuzzer drives the target `faults`: see docs/fuzzing.md.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shotgrid_fuzz::faults::run(data));
