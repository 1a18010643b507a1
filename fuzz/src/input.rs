//! How a target reads the bytes that it was given.

use shotgrid::client::{Method, methods};

/// Bytes that decide what happens. When they are used up, zeros decide.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below a limit of at most 256.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    /// True for one byte in so many, and never for 0.
    pub(crate) fn one_in(&mut self, many: u8) -> bool {
        self.byte() % many == many - 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let place = self.below(choices.len());
        *choices.get(place).expect("there is a choice")
    }

    /// Some of the bytes as they are.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

/// The first line and what follows it.
pub(crate) fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// The method of this name. Where there is none, another one that the name decides, so that no change of it is in vain.
pub(crate) fn method(name: &str) -> &'static Method {
    let sum: usize = name.bytes().map(usize::from).sum();
    let count = methods().count();
    let known = methods().find(|method| method.name == name);
    known.or_else(|| methods().nth(sum % count)).expect("there are methods")
}
