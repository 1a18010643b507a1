//! `sg_sign_in`: signing in by the person's browser.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::client::{Connection, sg_client};
use super::guard;
use super::handle::{Borrowed, Handle, InArc, Out, Owned};
use super::op::{Gives, Outcome, Work, sg_op};
use super::options::sg_options;
use super::string::Text;
use crate::client::signin::SignIn;
use crate::client::{Document, Error, Result, Status, quote};
use crate::runtime::Runtime;

/// A sign-in by the person's browser: no password goes through the program, and single sign-on and second factors are the site's matter.
///
/// Make one, begin it, have the person open its address, and wait. Any number of threads may use it at once. Each sign-in serves once.
pub struct sg_sign_in {
    _opaque: [u8; 0],
}

/// What is behind an `sg_sign_in`.
pub(super) struct SigningIn {
    runtime: Runtime,
    sign_in: SignIn,
    url: OnceLock<CString>,
    login: OnceLock<CString>,
}

impl Handle for sg_sign_in {
    type Body = SigningIn;
    type Place = InArc;
    const NAME: &'static str = "sg_sign_in";
    const MARK: u64 = u64::from_le_bytes(*b"sg_sgnin");
}

/// Makes a sign-in by the browser. Nothing is sent yet.
///
/// @param[in] site_url  such as "https://studio.shotgrid.autodesk.com"; not NULL; copied.
/// @param[in] app_name  what the program calls itself, at most 200 characters; the person reads it before approving; not
///   NULL; copied.
/// @param[in] machine_id  the machine that it runs on, such as its host name, at most 200 characters; the person reads it
///   too; not NULL; copied.
/// @param[in] options  the settings of the client, or NULL for all defaults; stay the caller's; copied.
/// @param[out] out  the sign-in, owned by the caller: give it to sg_sign_in_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; the classes SG_STATUS_TLS, SG_STATUS_IO (the CA file, a recording) and
///   SG_STATUS_RECORDING; SG_STATUS_INTERNAL: the library's threads could not be started
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_new(
    site_url: *const c_char,
    app_name: *const c_char,
    machine_id: *const c_char,
    options: *const sg_options,
    out: *mut *mut sg_sign_in,
) -> Status {
    from_c!(site_url: Text, app_name: Text, machine_id: Text, options: Borrowed<sg_options>, out: Out<*mut sg_sign_in>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let site_url = site_url.required("site_url")?;
        let app_name = app_name.required("app_name")?;
        let machine_id = machine_id.required("machine_id")?;
        let mut options = options.optional("options")?.cloned().unwrap_or_default();
        let runtime = Runtime::acquire()?;
        options.journal = runtime.journal();
        let sign_in = SignIn::new(site_url, app_name, machine_id, options)?;
        let signing_in = SigningIn {
            runtime,
            sign_in,
            url: OnceLock::new(),
            login: OnceLock::new(),
        };
        out.put(Owned::<sg_sign_in>::new(signing_in).into_c());
        Ok(())
    })
}

/// Sets the pause between two questions to the site whether the person has approved. Default: 2000.
///
/// @param[in] sign_in  the sign-in; not NULL; stays the caller's.
/// @param[in] interval_ms  milliseconds; 1 or more. Sites expect 2000; a site that asks for a longer pause gets it.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_set_poll_interval_ms(sign_in: *const sg_sign_in, interval_ms: u32) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>);
    guard::status(|| {
        let sign_in = &sign_in.get("sign_in")?.sign_in;
        sign_in.set_poll_interval(at_least_one(interval_ms, "interval_ms")?);
        Ok(())
    })
}

/// Sets how long the site keeps a sign-in that nobody has decided about. Default: 305000, as sites do.
///
/// A site does not say why it has forgotten one: before this time the person has rejected it, afterwards it was too old. Nor is a site
/// that cannot be reached asked for longer.
///
/// @param[in] sign_in  the sign-in; not NULL; stays the caller's.
/// @param[in] lifetime_ms  milliseconds; 1 or more.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_set_lifetime_ms(sign_in: *const sg_sign_in, lifetime_ms: u32) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>);
    guard::status(|| {
        let sign_in = &sign_in.get("sign_in")?.sign_in;
        sign_in.set_lifetime(at_least_one(lifetime_ms, "lifetime_ms")?);
        Ok(())
    })
}

/// Asks the site for a session. Afterwards sg_sign_in_url() gives the address that the person is to open.
///
/// @param[in] sign_in  the sign-in; not NULL; stays the caller's.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: it has begun already, or after a shutdown;
///   SG_STATUS_AUTH_SIGN_IN_OFF: the site does not offer this; SG_STATUS_CANCELLED by sg_sign_in_cancel() or a shutdown; otherwise as
///   sg_connect_user(), and it may be begun again
/// @threadsafe yes
/// @blocking yes, within the time limits of the options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_begin(sign_in: *const sg_sign_in) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>);
    guard::status(|| {
        let signing_in = sign_in.get("sign_in")?;
        let sign_in = signing_in.sign_in.clone();
        signing_in.runtime.run(stopped, async move { sign_in.begin().await.map(drop) })
    })
}

/// Begins without the wait: sg_sign_in_begin() as an operation.
///
/// @param[in] sign_in  the sign-in; not NULL; stays the caller's, and may be freed before the operation.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
///   sg_op_take_result() gives the address as a text, and sg_sign_in_url() has it.
/// @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
///   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_submit_begin(sign_in: *const sg_sign_in, out: *mut *mut sg_op) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>, out: Out<*mut sg_op>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let signing_in = sign_in.get("sign_in")?;
        let sign_in = signing_in.sign_in.clone();
        let work = async move {
            let url = quote(sign_in.begin().await?.as_str());
            let told = Document::parse(url.into_bytes()).map_err(|error| Error::new(Status::Internal, error.to_string()))?;
            Ok(Outcome::Answer(Some(told)))
        };
        out.put(Work::start(&signing_in.runtime, Gives::Answer, stopped, Arc::default(), work)?);
        Ok(())
    })
}

/// The address that the person is to open, to approve or to reject. Show it too: not every machine has a browser that opens by itself.
///
/// Whoever has it and is signed in there can approve; whoever can read it may collect the session in your place. Show it to this person
/// alone, and keep it out of logs.
///
/// @param[in] sign_in  the sign-in, or NULL; stays the caller's.
/// @return The address, borrowed from the sign-in; NULL before it has begun, and for NULL.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_url(sign_in: *const sg_sign_in) -> *const c_char {
    from_c!(sign_in: Borrowed<sg_sign_in>);
    guard::getter(std::ptr::null(), || {
        sign_in.peek().map_or(std::ptr::null(), |held| lent(&held.url, held.sign_in.url()))
    })
}

/// The login of the person who approved, as the site tells it.
///
/// @param[in] sign_in  the sign-in, or NULL; stays the caller's.
/// @return The login, borrowed from the sign-in; NULL before a wait has given the client, for NULL, and where the site does not tell.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_login(sign_in: *const sg_sign_in) -> *const c_char {
    from_c!(sign_in: Borrowed<sg_sign_in>);
    guard::getter(std::ptr::null(), || {
        sign_in
            .peek()
            .map_or(std::ptr::null(), |held| lent(&held.login, held.sign_in.login()))
    })
}

/// Has the system open the address in the person's browser: by xdg-open on Linux, open on macOS, the handler of addresses on Windows. No
/// shell has a part in it.
///
/// That it was started does not mean that a browser came up: show the address as well.
///
/// @param[in] sign_in  the sign-in, which has begun; not NULL; stays the caller's.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: it has not begun, or after a shutdown; SG_STATUS_IO: there is
///   nothing to open addresses with; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_open_browser(sign_in: *const sg_sign_in) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>);
    guard::status(|| {
        let signing_in = sign_in.get("sign_in")?;
        let begun = signing_in.sign_in.url();
        let url = begun.ok_or_else(|| Error::new(Status::InvalidState, "the sign-in has not begun; begin it first"))?;
        signing_in.runtime.open_browser(url)
    })
}

/// Waits until the person has approved, and gives the client.
///
/// The site gives the session once. It is never lost by a wait that ends early: the library carries each question to its end and keeps what it
/// brought for the next wait. So a timer may call this with 0 now and then, which asks without waiting. Each wait behind the
/// end gives another sg_client of the same connection.
///
/// @param[in] sign_in  the sign-in, which has begun; not NULL; stays the caller's.
/// @param[in] timeout_ms  the longest wait in milliseconds; 0 only looks; negative waits until it is decided or too old.
/// @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_TIMEOUT_WAIT: not decided yet; SG_STATUS_AUTH_SIGN_IN_REJECTED; SG_STATUS_AUTH_SIGN_IN_EXPIRED;
///   SG_STATUS_AUTH_SIGN_IN_LOST: the reply with the session was lost on the way; SG_STATUS_CANCELLED by sg_sign_in_cancel() or a shutdown;
///   SG_STATUS_INVALID_STATE: it has not begun, or after a shutdown; SG_STATUS_INVALID_ARGUMENT; otherwise as sg_connect_session()
/// @threadsafe yes
/// @blocking yes, at most for timeout_ms
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_wait(sign_in: *const sg_sign_in, timeout_ms: i64, out: *mut *mut sg_client) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>, out: Out<*mut sg_client>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let signing_in = sign_in.get("sign_in")?;
        let (runtime, sign_in) = (signing_in.runtime.clone(), signing_in.sign_in.clone());
        let limit = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let client = runtime.run(stopped, async move { sign_in.wait_for(limit).await })?;
        out.put(Owned::<sg_client>::new(Connection { runtime, client }).into_c());
        Ok(())
    })
}

/// Waits without the wait: an operation that is done when the person has decided.
///
/// To cancel the operation stops this wait and not the sign-in: that is sg_sign_in_cancel().
///
/// @param[in] sign_in  the sign-in, which has begun; not NULL; stays the caller's, and may be freed before the operation.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
///   sg_op_take_client() gives the client.
/// @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
///   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_submit_wait(sign_in: *const sg_sign_in, out: *mut *mut sg_op) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>, out: Out<*mut sg_op>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let signing_in = sign_in.get("sign_in")?;
        let sign_in = signing_in.sign_in.clone();
        let work = async move { sign_in.wait().await.map(Outcome::Client) };
        let stopped = || Error::new(Status::Cancelled, "the wait for the sign-in was cancelled");
        out.put(Work::start(&signing_in.runtime, Gives::Client, stopped, Arc::default(), work)?);
        Ok(())
    })
}

/// Gives a sign-in up. Whoever waits for it is told SG_STATUS_CANCELLED at once. The page stays open in the browser; what is approved there
/// is not collected any more. Behind the end it does nothing to clients that were given.
///
/// @param[in] sign_in  the sign-in; not NULL; stays the caller's.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_cancel(sign_in: *const sg_sign_in) -> Status {
    from_c!(sign_in: Borrowed<sg_sign_in>);
    guard::status(|| {
        let signing_in = sign_in.get("sign_in")?;
        signing_in.runtime.check_process()?;
        signing_in.sign_in.cancel();
        Ok(())
    })
}

/// Frees a sign-in, and gives it up unless an operation waits for it. A session that was given and not taken is wiped.
///
/// @param[in] sign_in  the sign-in, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once nobody uses the sign-in
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_sign_in_free(sign_in: *mut sg_sign_in) {
    from_c!(sign_in: Owned<sg_sign_in>);
    guard::getter((), || {
        if let Some(signing_in) = sign_in.take() {
            let runtime = signing_in.body().runtime.clone();
            runtime.release(signing_in);
        }
    });
}

fn stopped() -> Error {
    Error::new(Status::Cancelled, "the library was shut down during the sign-in")
}

/// A text that lives as long as the handle, made when it is first asked for.
fn lent(held: &OnceLock<CString>, text: Option<&str>) -> *const c_char {
    let Some(text) = text else { return std::ptr::null() };
    held.get_or_init(|| CString::new(text).unwrap_or_default()).as_ptr()
}

fn at_least_one(milliseconds: u32, name: &str) -> Result<Duration> {
    if milliseconds == 0 {
        return Err(Error::invalid_argument(format!("{name} is 0; 1 is the least")));
    }
    Ok(Duration::from_millis(u64::from(milliseconds)))
}
