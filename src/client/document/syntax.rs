//! What is wrong with a text that is not JSON.

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The byte at which it went wrong.
    pub offset: usize,
    /// What was wrong there.
    pub problem: &'static str,
    /// Whether the text simply ends too early.
    pub truncated: bool,
    /// Whether it may be JSON, but of more values than are allowed.
    pub too_many: bool,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} at byte {}", self.problem, self.offset)
    }
}

impl SyntaxError {
    pub(super) fn not_utf8(error: std::str::Utf8Error) -> SyntaxError {
        SyntaxError {
            offset: error.valid_up_to(),
            problem: "not UTF-8",
            truncated: error.error_len().is_none(),
            too_many: false,
        }
    }
}

/// What a step of the reader comes to. Errors are boxed, so that it fits registers: handing it on through memory takes longer than most
/// steps.
pub(super) type Step<T> = Result<T, Box<SyntaxError>>;

#[cold]
#[inline(never)]
pub(super) fn wrong(offset: usize, problem: &'static str) -> Box<SyntaxError> {
    Box::new(SyntaxError {
        offset,
        problem,
        truncated: false,
        too_many: false,
    })
}

#[cold]
#[inline(never)]
pub(super) fn too_many(offset: usize, problem: &'static str) -> Box<SyntaxError> {
    let mut error = wrong(offset, problem);
    error.too_many = true;
    error
}

#[cold]
#[inline(never)]
pub(super) fn too_many_values(offset: usize) -> Box<SyntaxError> {
    too_many(offset, "too many values")
}

#[cold]
#[inline(never)]
pub(super) fn broken_number(text: &[u8], offset: usize) -> Box<SyntaxError> {
    let mut error = wrong(offset, "a number is broken");
    error.truncated = offset >= text.len();
    error
}

#[cold]
#[inline(never)]
pub(super) fn ends_early(text: &[u8]) -> Box<SyntaxError> {
    let mut error = wrong(text.len(), "the text ends too early");
    error.truncated = true;
    error
}
