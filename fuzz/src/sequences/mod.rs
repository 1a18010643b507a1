//! Callers of any kind: sequences of calls of every exported function, with handles that live, are NULL, or are of another type, with
//! texts and numbers of every kind, against a site on this machine that answers well or badly. Input: bytes that decide.

#![allow(unsafe_code)]

mod functions;
mod site;
mod texts;
mod watch;
mod world;

pub use functions::FUNCTIONS;
use std::sync::{Mutex, PoisonError};

use world::World;

use crate::input::Input;

/// One exported function and how it is called.
pub struct Function {
    /// Its name in C.
    pub name: &'static str,
    call: fn(&mut World, &mut Input<'_>),
}

/// No sequence is longer, so that none takes long.
const MOST_CALLS: usize = 96;

/// Calls what the bytes say, checks each answer, and frees all that is left.
pub fn run(data: &[u8]) {
    // The site, the log and the library's threads are the process's.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut input = Input::new(data);
    let mut world = World::new();
    for _ in 0..MOST_CALLS {
        if input.is_empty() {
            break;
        }
        if input.one_in(8) {
            world.change_site(&mut input);
        }
        let function = &FUNCTIONS[input.below(FUNCTIONS.len())];
        (function.call)(&mut world, &mut input);
        world.after(function.name);
    }
    world.end(&mut input);
}
