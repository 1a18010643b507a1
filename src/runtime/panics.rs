//! A panic is caught where it would leave the library, and is told in words instead of on the host's terminal.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// How many guarded calls this thread is inside. Never 0 on the library's own threads.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
    /// Where and why the last guarded panic of this thread happened.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `call`. A panic inside becomes `Err("file:line: message")` and prints nothing.
pub fn catch<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    let mut call = Some(call);
    let mut run = || call.take().map(|call| std::panic::catch_unwind(AssertUnwindSafe(call)));
    // Looked up once for both ends: this is the frame of every function, of the smallest too.
    let guarded = GUARDED.try_with(|depth| {
        depth.set(depth.get().saturating_add(1));
        let outcome = run();
        depth.set(depth.get().saturating_sub(1));
        outcome
    });
    let Some(outcome) = guarded.unwrap_or_else(|_| run()) else {
        return Err("the call was not made".to_owned());
    };
    outcome.map_err(told)
}

/// As [`catch`], for calls that are so small that the look at the thread would be a third of them. The hook knows their panics by the
/// place in the library's own source; one that a library of another's raises in such a call is caught as well, and printed.
#[inline]
pub fn catch_small<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(call)).map_err(told)
}

/// What a caught panic said, and where it was.
#[cold]
fn told(payload: Box<dyn Any + Send>) -> String {
    let told = LAST.try_with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take()));
    let text = message(payload.as_ref()).to_owned();
    if payload.is::<&str>() || payload.is::<String>() {
        drop(payload);
    } else {
        // A stranger's destructor might panic once more.
        std::mem::forget(payload);
    }
    told.ok().flatten().unwrap_or(text)
}

/// Marks this thread as one whose every panic is the library's.
pub(super) fn guard_this_thread() {
    install_hook();
    let _ = GUARDED.try_with(|depth| depth.set(depth.get().saturating_add(1)));
}

/// Puts a hook in front of the one that is there: it keeps the library's own panics quiet and hands on all others.
///
/// An atomic flag and not a lock: a fork in between must not leave the child waiting for ever.
#[inline]
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // Nearly always it is: then nothing is written that all threads share.
    if !INSTALLED.load(Ordering::Acquire) {
        install_hook_first(&INSTALLED);
    }
}

#[cold]
fn install_hook_first(installed: &AtomicBool) {
    // Setting a hook while panicking is itself a panic; the next call does it.
    if std::thread::panicking() || installed.swap(true, Ordering::AcqRel) {
        return;
    }
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let guarded = GUARDED.try_with(Cell::get).unwrap_or(0) > 0;
        if guarded || is_own(info) {
            remember(info);
        }
        // The library's own tests want to be told of theirs.
        if !guarded && (cfg!(test) || !is_own(info)) {
            others(info);
        }
    }));
}

/// Whether a panic is in the library's own source.
fn is_own(info: &PanicHookInfo<'_>) -> bool {
    const THIS: &str = file!();
    let folder = THIS.get(..THIS.len() - "runtime/panics.rs".len());
    folder.is_some_and(|folder| info.location().is_some_and(|place| place.file().starts_with(folder)))
}

fn remember(info: &PanicHookInfo<'_>) {
    let text = message(info.payload());
    let told = match info.location() {
        Some(place) => format!("{}:{}: {text}", place.file(), place.line()),
        None => text.to_owned(),
    };
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(told);
        }
    });
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a panic without a message",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place() {
        let told = catch(|| -> u8 { panic!("number {}", 7) }).unwrap_err();
        assert!(told.contains("panics.rs:") && told.ends_with(": number 7"), "{told}");
        assert_eq!(catch(|| 5), Ok(5));
    }

    #[test]
    fn a_panic_in_a_small_call_is_told_with_its_place() {
        install_hook();
        let told = catch_small(|| -> u8 { panic!("number {}", 8) }).unwrap_err();
        assert!(told.contains("panics.rs:") && told.ends_with(": number 8"), "{told}");
    }

    #[test]
    fn a_payload_without_text_is_told_too() {
        let told = catch(|| std::panic::panic_any(7_u8)).unwrap_err();
        assert!(told.ends_with("a panic without a message"), "{told}");
    }
}
