//! What the system knows of threads: the signal mask of the library's own, what a host's is kept from while it drives, where its stack is,
//! what it waits for; and the number of this process.
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

/// Puts off the end of the calling thread, which is the host's, by pthread_cancel() until it is dropped: that would unwind frames that are
/// not made for it, from any wait or write inside the library.
#[cfg(target_os = "linux")]
pub struct Uncancelled(libc::c_int);

#[cfg(target_os = "linux")]
impl Uncancelled {
    /// Puts it off from here on.
    #[inline]
    #[must_use = "it lasts for as long as it is kept"]
    pub fn here() -> Self {
        let mut before = 0;
        // SAFETY: the pointer is valid, and the state is one that there is.
        unsafe { system::pthread_setcancelstate(system::PTHREAD_CANCEL_DISABLE, &mut before) };
        Uncancelled(before)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Uncancelled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the state is the one that was found.
        unsafe { system::pthread_setcancelstate(self.0, &mut 0) };
    }
}

/// Elsewhere it is not put off.
#[cfg(not(target_os = "linux"))]
pub struct Uncancelled;

#[cfg(not(target_os = "linux"))]
impl Uncancelled {
    /// Does nothing.
    #[must_use = "it lasts for as long as it is kept"]
    pub fn here() -> Self {
        Uncancelled
    }
}

/// Keeps SIGPIPE from the calling thread, which is the host's, until it is dropped: then one that came from here is taken away. All other
/// signals come as ever.
#[cfg(target_os = "linux")]
pub(super) struct Unpiped {
    /// The mask to put back, unless it blocked SIGPIPE anyway.
    before: Option<libc::sigset_t>,
    /// A SIGPIPE was waiting for this thread before, and goes on to.
    waiting: bool,
}

// The line below keeps it out of the library's own header.
/// cbindgen:ignore
#[cfg(target_os = "linux")]
mod system {
    use libc::c_int;

    /// As pthread.h has it on Linux, whatever the C library.
    pub(super) const PTHREAD_CANCEL_DISABLE: c_int = 1;

    // SAFETY: as pthread.h declares it; it has no preconditions but valid pointers.
    unsafe extern "C" {
        pub(super) fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }
}

#[cfg(target_os = "linux")]
impl Unpiped {
    pub(super) fn new() -> Self {
        // SAFETY: plain data that the functions fill; all pointers are valid, and none of the calls can fail with these arguments.
        unsafe {
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, &pipe(), &mut before);
            // An open one would have been delivered.
            let blocked = libc::sigismember(&before, libc::SIGPIPE) == 1;
            let mut pending: libc::sigset_t = std::mem::zeroed();
            let waiting = blocked && libc::sigpending(&mut pending) == 0 && libc::sigismember(&pending, libc::SIGPIPE) == 1;
            Unpiped {
                before: (!blocked).then_some(before),
                waiting,
            }
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Unpiped {
    fn drop(&mut self) {
        // SAFETY: as above. With a time of zero sigtimedwait() takes what is there and does not wait; it fails where there is nothing.
        unsafe {
            if !self.waiting {
                let at_once: libc::timespec = std::mem::zeroed();
                while libc::sigtimedwait(&pipe(), std::ptr::null_mut(), &at_once) < 0
                    && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
                {}
            }
            if let Some(before) = &self.before {
                libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut());
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn pipe() -> libc::sigset_t {
    // SAFETY: sigset_t is plain data that sigemptyset fills; the number is a valid signal.
    unsafe {
        let mut pipe: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut pipe);
        libc::sigaddset(&mut pipe, libc::SIGPIPE);
        pipe
    }
}

/// Where the calling thread's stack begins and ends.
#[cfg(target_os = "linux")]
pub(super) fn stack() -> Option<(usize, usize)> {
    // SAFETY: the attributes are filled by pthread_getattr_np, read by a function of their own and destroyed once; all pointers are valid.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return None;
        }
        let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
        let told = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        told.then(|| (lowest.addr(), lowest.addr().saturating_add(size)))
    }
}

/// Elsewhere hosts' threads do not drive.
#[cfg(not(target_os = "linux"))]
pub(super) struct Unpiped;

#[cfg(not(target_os = "linux"))]
impl Unpiped {
    pub(super) fn new() -> Self {
        Unpiped
    }
}

/// Not known elsewhere.
#[cfg(not(target_os = "linux"))]
pub(super) fn stack() -> Option<(usize, usize)> {
    None
}

/// Waits until one of some descriptors is ready, for so many milliseconds at the most; how many are, which the entries tell.
#[cfg(unix)]
pub(super) fn poll(watched: &mut [libc::pollfd], milliseconds: libc::c_int) -> std::io::Result<usize> {
    // SAFETY: the pointer is to as many entries as is said, which live beyond the call.
    let ready = unsafe { libc::poll(watched.as_mut_ptr(), watched.len() as libc::nfds_t, milliseconds) };
    usize::try_from(ready).map_err(|_| std::io::Error::last_os_error())
}

/// Looks for a byte that has come on a connection, and leaves it there; 0 at the end. It does not wait, whatever the connection's reads do.
#[cfg(unix)]
pub(super) fn peek(connection: &impl std::os::fd::AsRawFd) -> std::io::Result<usize> {
    let mut byte = 0_u8;
    // SAFETY: there is room for as many bytes as is said, and the descriptor is open as long as the connection is borrowed.
    let read = unsafe {
        libc::recv(
            connection.as_raw_fd(),
            (&raw mut byte).cast(),
            1,
            libc::MSG_PEEK | libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(read).map_err(|_| std::io::Error::last_os_error())
}

/// How many bytes have come on a connection that nobody has read.
#[cfg(unix)]
pub(super) fn unread(connection: &impl std::os::fd::AsRawFd) -> std::io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: this request fills one int, to which the pointer is; the descriptor is open as long as the connection is borrowed.
    match unsafe { libc::ioctl(connection.as_raw_fd(), libc::FIONREAD, &raw mut count) } {
        0 => Ok(usize::try_from(count).unwrap_or(0)),
        _ => Err(std::io::Error::last_os_error()),
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

/// The number of this process: a forked child has another one.
pub(super) fn process_id() -> i64 {
    #[cfg(target_os = "linux")]
    if let Some(id) = remembered::id() {
        return id;
    }
    asked_process_id()
}

/// The number of this process, asked of the system.
fn asked_process_id() -> i64 {
    // SAFETY: getpid takes nothing and cannot fail.
    i64::from(unsafe { libc::getpid() })
}

/// The number of this process in a page that the system empties in a forked child, however that is forked: to ask takes a fifth of a
/// microsecond, and a call asks several times.
#[cfg(target_os = "linux")]
mod remembered {
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

    /// The beginning of the page, once there is one.
    static PAGE: AtomicPtr<AtomicI64> = AtomicPtr::new(null_mut());
    /// What [`PAGE`] is where the system has no such pages.
    static NONE: AtomicI64 = AtomicI64::new(0);

    /// The number; nothing where it must be asked for each time.
    #[inline]
    pub(super) fn id() -> Option<i64> {
        // SAFETY: what is there is NULL, a static, or a page that is never given back.
        match unsafe { PAGE.load(Ordering::Acquire).as_ref() } {
            Some(page) => match page.load(Ordering::Relaxed) {
                0 => ask(page),
                id => Some(id),
            },
            None => ask(first_page()),
        }
    }

    #[cold]
    fn ask(page: &'static AtomicI64) -> Option<i64> {
        if std::ptr::eq(page, &NONE) {
            return None;
        }
        let id = super::asked_process_id();
        page.store(id, Ordering::Relaxed);
        Some(id)
    }

    /// Makes the page, unless another thread has.
    #[cold]
    fn first_page() -> &'static AtomicI64 {
        const LENGTH: usize = size_of::<AtomicI64>();
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at a place that the system chooses touches nothing that is there; the length is rounded up to a page by
        // all three functions; and whatever is unmapped was mapped here, and nobody else has seen it.
        unsafe {
            let page = libc::mmap(null_mut(), LENGTH, rights, kind, -1, 0);
            let mut made = (&raw const NONE).cast_mut();
            if page != libc::MAP_FAILED {
                // An emulation that takes any advice for done says so to advice that is none.
                let obeys = libc::madvise(page, LENGTH, -1) != 0;
                if obeys && libc::madvise(page, LENGTH, libc::MADV_WIPEONFORK) == 0 {
                    made = page.cast();
                } else {
                    libc::munmap(page, LENGTH);
                }
            }
            match PAGE.compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => &*made,
                Err(theirs) => {
                    if !std::ptr::eq(made, &NONE) {
                        libc::munmap(page, LENGTH);
                    }
                    &*theirs
                }
            }
        }
    }
}
