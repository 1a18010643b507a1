//! `sg_client`: connecting to a site.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::sync::Arc;

use super::guard;
use super::handle::{Borrowed, Handle, InArc, Out, Owned};
use super::op::{Gives, Outcome, Work, sg_op};
use super::options::sg_options;
use super::string::Text;
use super::structs::sg_stats;
use crate::client::{Client, Credentials, Error, Journal, Options, Result, Secret, Status};
use crate::runtime::Runtime;

/// A signed-in connection to one site.
///
/// Any number of threads may use it at once; each call is independent. It holds a pool of connections, so make one and
/// keep it. After a fork it works in the parent alone: in the child every call answers SG_STATUS_FORKED.
pub struct sg_client {
    _opaque: [u8; 0],
}

/// What is behind an `sg_client`.
pub(super) struct Connection {
    pub(super) runtime: Runtime,
    pub(super) client: Client,
}

impl Handle for sg_client {
    type Body = Connection;
    type Place = InArc;
    const NAME: &'static str = "sg_client";
    const MARK: u64 = u64::from_le_bytes(*b"sg_clint");
}

/// Signs in as a person.
///
/// Login and password are exchanged for a session, which later calls carry; when the session ends it is renewed once,
/// silently. Unless sg_options_set_verify_on_connect() is off, the credentials are proven before this returns.
///
/// @param[in] site_url  such as "https://studio.shotgrid.autodesk.com"; not NULL; copied. A site
///   behind HTTP Basic authentication takes "https://user:password@host": both go along with every call as an Authorization
///   header, as in the official client, not with files. They sign nobody in, and no message or log shows the password.
/// @param[in] login  the person's login; not NULL; copied.
/// @param[in] password  the person's password or legacy passphrase; not NULL; copied, and wiped when freed.
/// @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
/// @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; the classes SG_STATUS_AUTH (who are you), SG_STATUS_NETWORK,
///   SG_STATUS_TLS, SG_STATUS_TIMEOUT, SG_STATUS_PROTOCOL, SG_STATUS_RATE_LIMITED, SG_STATUS_UNAVAILABLE,
///   SG_STATUS_SERVER_FAULT, SG_STATUS_UNSUPPORTED, SG_STATUS_IO (the CA file, a recording), SG_STATUS_RECORDING; SG_STATUS_CANCELLED by a shutdown
/// @threadsafe yes
/// @blocking yes, within the time limits of the options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_connect_user(
    site_url: *const c_char,
    login: *const c_char,
    password: *const c_char,
    options: *const sg_options,
    out: *mut *mut sg_client,
) -> Status {
    from_c!(site_url: Text, login: Text, password: Text, options: Borrowed<sg_options>, out: Out<*mut sg_client>);
    guard::status(|| connect(&out, &site_url, &options, || person(&login, &password)))
}

/// Signs in as a script, with the name and the application key that the site shows for it.
///
/// Unless sg_options_set_verify_on_connect() is off, the key is proven before this returns.
///
/// @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
/// @param[in] script_name  the script's name; not NULL; copied.
/// @param[in] api_key  the script's application key; not NULL; copied, and wiped when freed.
/// @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
/// @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
/// @return as sg_connect_user()
/// @threadsafe yes
/// @blocking yes, within the time limits of the options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_connect_script(
    site_url: *const c_char,
    script_name: *const c_char,
    api_key: *const c_char,
    options: *const sg_options,
    out: *mut *mut sg_client,
) -> Status {
    from_c!(site_url: Text, script_name: Text, api_key: Text, options: Borrowed<sg_options>, out: Out<*mut sg_client>);
    guard::status(|| connect(&out, &site_url, &options, || script(&script_name, &api_key)))
}

/// Joins a session that was opened elsewhere, such as by a browser sign-in or by the method get_session_token.
///
/// The session cannot be renewed: when it ends, calls answer SG_STATUS_AUTH_SESSION_EXPIRED.
///
/// @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
/// @param[in] session_token  the session's token; not NULL; copied, and wiped when freed.
/// @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
/// @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
/// @return as sg_connect_user()
/// @threadsafe yes
/// @blocking yes, within the time limits of the options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_connect_session(
    site_url: *const c_char,
    session_token: *const c_char,
    options: *const sg_options,
    out: *mut *mut sg_client,
) -> Status {
    from_c!(site_url: Text, session_token: Text, options: Borrowed<sg_options>, out: Out<*mut sg_client>);
    guard::status(|| connect(&out, &site_url, &options, || session(&session_token)))
}

/// Begins to sign in as a person, and returns at once: sg_connect_user() without the wait.
///
/// When the operation is done, sg_op_take_client() gives the client. To cancel it gives the connect up.
///
/// @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
/// @param[in] login  the person's login; not NULL; copied.
/// @param[in] password  the person's password or legacy passphrase; not NULL; copied, and wiped when freed.
/// @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: an argument
///   is NULL or not UTF-8; SG_STATUS_INTERNAL: the library's threads could not be started
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit_connect_user(
    site_url: *const c_char,
    login: *const c_char,
    password: *const c_char,
    options: *const sg_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(site_url: Text, login: Text, password: Text, options: Borrowed<sg_options>, out: Out<*mut sg_op>);
    guard::status(|| submit_connect(&out, &site_url, &options, || person(&login, &password)))
}

/// Begins to sign in as a script, and returns at once: sg_connect_script() without the wait.
///
/// When the operation is done, sg_op_take_client() gives the client. To cancel it gives the connect up.
///
/// @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
/// @param[in] script_name  the script's name; not NULL; copied.
/// @param[in] api_key  the script's application key; not NULL; copied, and wiped when freed.
/// @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: an argument
///   is NULL or not UTF-8; SG_STATUS_INTERNAL: the library's threads could not be started
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit_connect_script(
    site_url: *const c_char,
    script_name: *const c_char,
    api_key: *const c_char,
    options: *const sg_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(site_url: Text, script_name: Text, api_key: Text, options: Borrowed<sg_options>, out: Out<*mut sg_op>);
    guard::status(|| submit_connect(&out, &site_url, &options, || script(&script_name, &api_key)))
}

/// Begins to sign in as whoever a session belongs to, and returns at once: sg_connect_session() without the wait.
///
/// When the operation is done, sg_op_take_client() gives the client. To cancel it gives the connect up.
///
/// @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
/// @param[in] session_token  the session's token; not NULL; copied, and wiped when freed.
/// @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: an argument
///   is NULL or not UTF-8; SG_STATUS_INTERNAL: the library's threads could not be started
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit_connect_session(
    site_url: *const c_char,
    session_token: *const c_char,
    options: *const sg_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(site_url: Text, session_token: Text, options: Borrowed<sg_options>, out: Out<*mut sg_op>);
    guard::status(|| submit_connect(&out, &site_url, &options, || session(&session_token)))
}

/// What a client has done since it connected.
///
/// @param[in] client  the client; not NULL; stays the caller's.
/// @param[in,out] out  the counters; not NULL; begins as SG_STATS_INIT. Members that a later version adds are left alone.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_client_stats(client: *const sg_client, out: *mut sg_stats) -> Status {
    from_c!(client: Borrowed<sg_client>);
    guard::status(|| {
        let stats = client.get("client")?.client.stats();
        // SAFETY: the caller keeps to the header: out is NULL or begins with its size.
        unsafe { sg_stats::fill(out, stats) }
    })
}

/// Ends every call of a client that is under way, whoever waits for it: each fails with SG_STATUS_CANCELLED, a moment later.
///
/// For a host whose threads are in sg_call(): when the person presses Escape, or the document is closed. It ends what has begun, on whatever
/// thread: calls, operations of sg_submit(), and waits for pages and events, also of pages and feeds that were opened with the client. It does not wait until they have
/// ended: that takes less than 100 ms where a call waits for the site or in the line, and as long as it takes where it works on an answer that is there, with
/// which it may still succeed. Calls that begin later go on as usual, on the same client; so where threads are to end, set a flag of
/// yours that they look at before each call, and cancel again until they have ended: one may be just behind its look.
///
/// What was being written may have been carried out: sg_error_may_have_applied() tells. Pages of which somebody waited for one must be opened
/// again, as after sg_op_cancel(); those that were only read ahead are asked for again. A feed of events loses nothing and goes on when it is asked again.
/// Connects and sign-ins are not ended. To end one thing alone, begin it by sg_submit() and give it to sg_op_cancel().
///
/// @param[in] client  the client; not NULL; stays the caller's.
/// @return SG_STATUS_OK, also where nothing was under way, and after a shutdown; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
/// @threadsafe yes; not from a handler of a signal
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_client_cancel_calls(client: *const sg_client) -> Status {
    from_c!(client: Borrowed<sg_client>);
    guard::status(|| {
        let connection = client.get("client")?;
        connection.runtime.check_process()?;
        connection.client.cancel_calls();
        Ok(())
    })
}

/// Frees a client. Results that came from it stay valid. It does not sign out.
///
/// Calls that other threads have in flight still end, but no new one may begin: they must have entered the library.
///
/// @param[in] client  the client, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once no other thread begins a call with it
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_client_free(client: *mut sg_client) {
    from_c!(client: Owned<sg_client>);
    guard::getter((), || {
        if let Some(connection) = client.take() {
            let runtime = connection.body().runtime.clone();
            runtime.release(connection);
        }
    });
}

fn person(login: &Text<'_>, password: &Text<'_>) -> Result<Credentials> {
    let login = login.required("login")?.to_owned();
    let password = Secret::new(password.required("password")?);
    Ok(Credentials::Person { login, password })
}

fn script(script_name: &Text<'_>, api_key: &Text<'_>) -> Result<Credentials> {
    let name = script_name.required("script_name")?.to_owned();
    let api_key = Secret::new(api_key.required("api_key")?);
    Ok(Credentials::Script { name, api_key })
}

fn session(session_token: &Text<'_>) -> Result<Credentials> {
    let token = Secret::new(session_token.required("session_token")?);
    Ok(Credentials::Session { token })
}

/// A connect whose arguments were taken over from C.
struct Connect {
    site_url: String,
    credentials: Credentials,
    options: Options,
}

impl Connect {
    fn new(site_url: &Text<'_>, options: &Borrowed<'_, sg_options>, credentials: impl FnOnce() -> Result<Credentials>) -> Result<Connect> {
        let site_url = site_url.required("site_url")?.to_owned();
        let credentials = credentials()?;
        let options = options.optional("options")?.cloned().unwrap_or_default();
        Ok(Connect {
            site_url,
            credentials,
            options,
        })
    }

    async fn make(mut self, journal: Journal) -> Result<Client> {
        self.options.journal = journal;
        Client::connect(&self.site_url, self.credentials, self.options).await
    }
}

fn connect(
    out: &Out<'_, *mut sg_client>,
    site_url: &Text<'_>,
    options: &Borrowed<'_, sg_options>,
    credentials: impl FnOnce() -> Result<Credentials>,
) -> Result<()> {
    out.start(std::ptr::null_mut())?;
    let connect = Connect::new(site_url, options, credentials)?;
    let runtime = Runtime::acquire()?;
    let stopped = || Error::new(Status::Cancelled, "the library was shut down while the client was connecting");
    let client = runtime.run(stopped, connect.make(runtime.journal()))?;
    out.put(Owned::<sg_client>::new(Connection { runtime, client }).into_c());
    Ok(())
}

fn submit_connect(
    out: &Out<'_, *mut sg_op>,
    site_url: &Text<'_>,
    options: &Borrowed<'_, sg_options>,
    credentials: impl FnOnce() -> Result<Credentials>,
) -> Result<()> {
    out.start(std::ptr::null_mut())?;
    let connect = Connect::new(site_url, options, credentials)?;
    let runtime = Runtime::acquire()?;
    let stopped = || Error::new(Status::Cancelled, "the connect was cancelled");
    let journal = runtime.journal();
    let work = async move { connect.make(journal).await.map(Outcome::Client) };
    out.put(Work::start(&runtime, Gives::Client, stopped, Arc::default(), work)?);
    Ok(())
}
