//! libFuzzer drives the target `recordings`: see docs/fuzzing.md.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shotgrid_fuzz::recordings::run(data));
