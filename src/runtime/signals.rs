//! The signal mask of the library's threads, and the number of this process.
//!
//! A C host keeps the default disposition of SIGPIPE, which ends it when a site resets an upload; and it expects its own
//! handlers to run on its own threads. So the library's threads block every signal that can be sent to a process as
//! a whole. Dispositions belong to the host and are never touched.
#![allow(unsafe_code)]

/// Blocks the signals on the calling thread until it is dropped, which puts the thread's own mask back.
///
/// Threads that are made meanwhile inherit the blocked mask, so that none of them ever runs without it.
pub(super) struct Blocked {
    #[cfg(unix)]
    before: libc::sigset_t,
}

impl Blocked {
    /// Blocks the signals on this thread.
    pub(super) fn new() -> Self {
        Blocked {
            #[cfg(unix)]
            before: block(),
        }
    }

    /// Blocks the signals on this thread for as long as it lives.
    pub(super) fn for_good() {
        std::mem::forget(Blocked::new());
    }
}

#[cfg(unix)]
impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` was filled by pthread_sigmask on this thread; a NULL third argument asks for nothing back.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}

/// Signals that stay open: they report a fault of the very thread that gets them (blocking those is undefined), or are
/// a profiler's clock.
#[cfg(unix)]
const OPEN: &[libc::c_int] = &[
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGPROF,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGTRAP,
];

#[cfg(unix)]
fn block() -> libc::sigset_t {
    // SAFETY: sigset_t is plain data that sigfillset and pthread_sigmask fill; both get valid pointers to it, and the
    // numbers in OPEN are valid signals, so none of these calls can fail.
    unsafe {
        let mut wanted: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut wanted);
        for signal in OPEN {
            libc::sigdelset(&mut wanted, *signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &wanted, &mut before);
        before
    }
}

/// Has a program begin with all signals open, whichever thread starts it, and out of reach of the terminal's.
#[cfg(unix)]
pub(super) fn open_in(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    let open = || {
        // SAFETY: sigset_t is plain data that sigemptyset fills; both functions may be called between fork and exec, and neither
        // can fail with these arguments.
        unsafe {
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        }
        Ok(())
    };
    // SAFETY: the closure touches nothing but its own stack, so it may run in the child of a process with threads.
    unsafe { command.pre_exec(open) };
}

/// Programs inherit no signal mask here.
#[cfg(not(unix))]
pub(super) fn open_in(_: &mut std::process::Command) {}

/// The number of this process, asked anew each time: a forked child has another one.
pub(super) fn process_id() -> i64 {
    // SAFETY: getpid takes nothing and cannot fail.
    i64::from(unsafe { libc::getpid() })
}
