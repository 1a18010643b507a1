//! Recordings that are replayed. Input: the file; each of its lines is also taken for what a site said.

use shotgrid::client::fuzzing;

/// What no recording may hold.
const SECRET: &str = "hunter2-hunter2";

/// How often a reply is written at the most before it is the same.
const MOST_TIMES: usize = 5;

/// A file is a recording, or it is told in a few words which line is none. What is written of a reply is JSON on one line, holds no secret,
/// and is soon the same when it is written again and again: what stands in a secret's place may make a secret of what stands beside it.
pub fn run(data: &[u8]) {
    let lines = data.iter().filter(|byte| **byte == b'\n').count();
    match fuzzing::recording(data) {
        Ok(requests) => assert!(requests < lines, "{requests} requests in {lines} lines"),
        Err(told) => assert!(told.starts_with("line ") || told.starts_with("it "), "{told}"),
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for line in text.split('\n') {
        let Some(clean) = fuzzing::recorded(line, SECRET) else { continue };
        assert!(!clean.contains(SECRET) && !clean.contains('\n'), "{clean}");
        let mut texts = std::iter::successors(Some(clean), |text| fuzzing::recorded(text, SECRET)).take(MOST_TIMES);
        let mut before = None;
        let settled = texts.any(|text| before.replace(text.clone()).is_some_and(|before| before == text));
        assert!(settled, "written again and again it is always something else: {before:?}");
    }
}
