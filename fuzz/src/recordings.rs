//! Recordings that are replayed. Input: the file; each of its lines is also taken for what a site said.

use shotgrid::client::fuzzing;

/// What no recording may hold.
const SECRET: &str = "hunter2-hunter2";

/// A file is a recording, or it is told in a few words which line is none. What is written of a reply is JSON on one line, holds no secret,
/// and stays as it is when it is written again.
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
        let again = fuzzing::recorded(&clean, SECRET);
        assert_eq!(again.as_deref(), Some(clean.as_str()), "written again it is something else");
    }
}
