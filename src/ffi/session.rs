//! The session of a client that is a person: taken along, watched, and replaced.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

use super::callback::{UserData, sg_finalize_fn};
use super::client::sg_client;
use super::guard;
use super::handle::{Borrowed, Cell, Out};
use super::queue::sg_queue;
use super::string::{Buffer, Text};
use crate::client::{Error, Result, Secret, SessionWatch, Status};
use crate::runtime::{Queue, Runtime};

/// Is told that a session has ended and that the library cannot renew it.
///
/// Ask the person to sign in again, and hand the new session to sg_client_renew_session(), from here or from anywhere later. A callback must
/// not throw, and must not longjmp() out.
///
/// - user_data: as it was given
pub type sg_session_expired_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Copies the token of the session that a client is in, so that it can be kept and joined later with sg_connect_session().
///
/// Whoever has the token is this person until the session ends: keep it where the system keeps passwords, never in a log, on a command
/// line or in a file that others read, and wipe the buffer when you are done. The token may have ended already; sg_connect_session()
/// finds out. A client that acts for another person gives the session of its own person.
///
/// @param[in] client  the client, signed in as a person or in a session; not NULL; stays the caller's.
/// @param[out] buffer  the caller's memory for the token and a NUL, or NULL to ask for the length only. Nothing is written unless there is
///   room for all of it.
/// @param[in] capacity  the size of the buffer in bytes.
/// @param[out] length  the length of the token without its NUL, also where the buffer was too small; 0 on every other failure. May be
///   NULL if there is a buffer.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: among others, the buffer is too small; SG_STATUS_INVALID_STATE: the client is a script,
///   or no session was opened yet because verify_on_connect is off; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_client_session_token(
    client: *const sg_client,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Status {
    // SAFETY: the caller keeps to the header: buffer is NULL or has `capacity` bytes.
    let buffer = unsafe { Buffer::from_c(buffer, capacity) };
    let asks_nothing = buffer.is_none() && length.is_null();
    from_c!(client: Borrowed<sg_client>, length: Out<usize>);
    guard::status(|| {
        length.put(0);
        if asks_nothing {
            return Err(Error::invalid_argument("buffer and length are both NULL"));
        }
        let connection = client.get("client")?;
        connection.runtime.check_process()?;
        let token = connection.client.session_token()?;
        let needed = token.expose().len();
        length.put(needed);
        if buffer.is_none() || buffer.fill_whole(token.expose()) {
            return Ok(());
        }
        Err(Error::invalid_argument(format!(
            "the buffer has {capacity} bytes, and the token with its NUL needs {}",
            needed + 1
        )))
    })
}

/// Has a client go on in another session, such as after the person has signed in again.
///
/// Calls that wait for it (see sg_client_on_session_expired()) are made in it, and so are all calls from now on. Where the token comes from
/// does not matter: another sign-in by the browser, or sg_client_session_token() of a client that was connected with a password. It is not
/// proven here: if it has ended too, the next call finds out. Make sure that it is the same person's.
///
/// @param[in] client  the client, signed in as a person or in a session; not NULL; stays the caller's.
/// @param[in] session_token  the token; not empty; copied, and wiped when freed. NULL: nobody will sign in; calls that wait fail at once.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the client is a script; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_client_renew_session(client: *const sg_client, session_token: *const c_char) -> Status {
    from_c!(client: Borrowed<sg_client>, session_token: Text);
    guard::status(|| {
        let connection = client.get("client")?;
        connection.runtime.check_process()?;
        let token = session_token.optional("session_token")?.map(Secret::new);
        connection.client.renew_session(token)
    })
}

/// Has a function called when the session of a client ends and cannot be renewed, in place of the function before.
///
/// That is every session that was opened elsewhere or by the browser, and a person's whose password has changed since. It is called once for
/// each session that ends, when the first call runs into that. Calls that run into it wait for sg_client_renew_session() for at most wait_ms,
/// and have their whole time limit again behind it; then they fail with SG_STATUS_AUTH_SESSION_EXPIRED. The thread that asks the
/// person must not wait in such a call itself.
///
/// @param[in] client  the client, signed in as a person or in a session; not NULL; stays the caller's.
/// @param[in] queue  where to call it: in sg_queue_dispatch() of this queue; stays the caller's. NULL for the library's thread for callbacks,
///   where calls that wait answer SG_STATUS_INVALID_STATE_REENTRANT.
/// @param[in] on_expired  the function; NULL for none.
/// @param[in] user_data  is passed to it; may be NULL; stays the host's.
/// @param[in] finalize  cleans up user_data once the function was replaced or the client is gone, and no call of it is left; on the library's thread for
///   callbacks, or after a shutdown on the thread that frees the client. NULL if there is nothing to clean up. Not called when this fails, nor
///   if on_expired is NULL.
/// @param[in] wait_ms  how long calls wait for another session in milliseconds; 0: they fail at once.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the client is a script, or the library was shut
///   down; SG_STATUS_FORKED; SG_STATUS_INTERNAL: the thread for callbacks could not be started
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_client_on_session_expired(
    client: *const sg_client,
    queue: *const sg_queue,
    on_expired: sg_session_expired_fn,
    user_data: *mut c_void,
    finalize: sg_finalize_fn,
    wait_ms: u32,
) -> Status {
    from_c!(client: Borrowed<sg_client>, queue: Borrowed<sg_queue>);
    guard::status(|| {
        let connection = client.get("client")?;
        let runtime = &connection.runtime;
        let patience = Duration::from_millis(u64::from(wait_ms));
        runtime.check_usable()?;
        let Some(on_expired) = on_expired else {
            return connection.client.watch_session(None, patience);
        };
        // Refused before anything of the host's is taken over, and before the function that is there gives way.
        connection.client.check_watchable()?;
        runtime.dispatcher()?;
        let queue = match queue.optional("queue")? {
            Some(_) => Some(queue.share("queue")?),
            None => None,
        };
        let told = Arc::new(Told {
            runtime: runtime.clone(),
            on_expired,
            user_data: Some(UserData::new(user_data, finalize)),
        });
        connection.client.watch_session(Some(Arc::new(Post { told, queue })), patience)
    })
}

/// Hands the news on to where the host wants it.
struct Post {
    told: Arc<Told>,
    queue: Option<Arc<Cell<Queue>>>,
}

/// The host's function and what it gave with it.
struct Told {
    runtime: Runtime,
    on_expired: unsafe extern "C" fn(*mut c_void),
    user_data: Option<UserData>,
}

impl SessionWatch for Post {
    fn session_expired(&self) {
        let told = Arc::clone(&self.told);
        let job = Box::new(move || {
            if let Some(user_data) = &told.user_data {
                // SAFETY: the host promised that the function may be called with its own user_data.
                unsafe { (told.on_expired)(user_data.pointer()) };
            }
        });
        match &self.queue {
            Some(queue) => queue.body().post(job),
            None => self.told.post(job).unwrap_or_default(),
        }
    }
}

impl Told {
    fn post(&self, job: Box<dyn FnOnce() + Send>) -> Result<()> {
        self.runtime.dispatcher().map(|dispatcher| dispatcher.run(job))
    }
}

impl Drop for Told {
    /// The last share may go on a thread of the network, which is no place for the host's code.
    fn drop(&mut self) {
        let user_data = self.user_data.take();
        if let Ok(dispatcher) = self.runtime.dispatcher() {
            dispatcher.run(Box::new(move || drop(user_data)));
        }
    }
}
