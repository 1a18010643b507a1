//! Calls that wait for their answer.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::client::sg_client;
use super::guard;
use super::handle::{Borrowed, Out};
use super::result::{give, sg_result};
use super::string::{Span, Text};
use crate::client::{Cancellation, Client, Document, Error, Progress, Result, Status};

/// Calls a method of the official Python client by its name and waits for the answer.
///
/// The answer has the site's bytes, with two changes that the official client makes as well, at the top level of each record that find,
/// find_one, create, update, batch, note_thread_read, text_search and activity_stream_read give, and of pages and events: in a text `&lt;`
/// becomes "<", and a link to a local file (an object whose "link_type" is "local") gets this platform's path as "local_path", and its
/// "url". So a text that was read may differ from the one that the site keeps: mind that where a filter or an update is made of it.
/// sg_call_raw() changes nothing.
///
/// It ends by its time limits, or by sg_client_cancel_calls() from another thread, with all other calls of the client. To bound or cancel one
/// call alone, use sg_submit() with sg_op_wait() and sg_op_cancel().
///
/// Whatever is JSON goes out as it is given, also what a site may refuse, such as 1e400, or an escape that is half of a surrogate pair.
///
/// @param[in] client  the client; not NULL; stays the caller's.
/// @param[in] method  a method's name, such as "find" or "create"; not NULL; copied. An unknown one is
///   SG_STATUS_INVALID_ARGUMENT, with the nearest known name in the message.
/// @param[in] params_json  a JSON object of the method's keyword arguments or a JSON array of its positional ones, under the
///   names and with the defaults of the official client; NULL for no arguments; copied.
/// @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED in a child of
///   the process that connected; SG_STATUS_PERMISSION (you may not); SG_STATUS_NOT_FOUND; SG_STATUS_CONFLICT;
///   SG_STATUS_REJECTED; SG_STATUS_CANCELLED by sg_client_cancel_calls() or a shutdown; the classes of sg_connect_user()
/// @threadsafe yes
/// @blocking yes, within the time limits of the client's options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_call(
    client: *const sg_client,
    method: *const c_char,
    params_json: *const c_char,
    out: *mut *mut sg_result,
) -> Status {
    from_c!(client: Borrowed<sg_client>, method: Text, params_json: Text, out: Out<*mut sg_result>);
    guard::status(|| {
        call(
            &out,
            &client,
            &method,
            || Ok(params_json.optional("params_json")?.unwrap_or("")),
            Way::Known,
        )
    })
}

/// As sg_call(), with the length of the parameters' text, which need not end with a NUL.
///
/// @param[in] client  the client; not NULL; stays the caller's.
/// @param[in] method  a method's name; not NULL; copied.
/// @param[in] params_json  as for sg_call(); may be NULL if params_len is 0; copied.
/// @param[in] params_len  its length in bytes; 0 for no arguments.
/// @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
/// @return as sg_call()
/// @threadsafe yes
/// @blocking yes, within the time limits of the client's options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_call_n(
    client: *const sg_client,
    method: *const c_char,
    params_json: *const c_char,
    params_len: usize,
    out: *mut *mut sg_result,
) -> Status {
    from_c!(client: Borrowed<sg_client>, method: Text, out: Out<*mut sg_result>);
    // SAFETY: the caller keeps to the header: params_json is NULL or params_len bytes.
    let params_json = unsafe { Span::from_c(params_json, params_len) };
    guard::status(|| call(&out, &client, &method, || params_json.get("params_json"), Way::Known))
}

/// Sends any method of the wire with any parameters, for what sg_call() does not know, and waits for the answer.
///
/// Parameters and answer are the wire's, to the byte: nothing is filled in or converted. A method that the library does not know to only
/// read is treated as a write, and never sent twice. Alone it can be cancelled as an operation: sg_submit_raw().
///
/// @param[in] client  the client; not NULL; stays the caller's.
/// @param[in] wire_method  the method's name on the wire, such as "read"; not NULL; copied.
/// @param[in] params_json  the JSON value to send as its parameters; NULL for none; copied.
/// @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
/// @return as sg_call()
/// @threadsafe yes
/// @blocking yes, within the time limits of the client's options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_call_raw(
    client: *const sg_client,
    wire_method: *const c_char,
    params_json: *const c_char,
    out: *mut *mut sg_result,
) -> Status {
    from_c!(client: Borrowed<sg_client>, wire_method: Text, params_json: Text, out: Out<*mut sg_result>);
    guard::status(|| {
        call(
            &out,
            &client,
            &wire_method,
            || Ok(params_json.optional("params_json")?.unwrap_or("")),
            Way::Raw,
        )
    })
}

/// As sg_call_raw(), with the length of the parameters' text, which need not end with a NUL.
///
/// @param[in] client  the client; not NULL; stays the caller's.
/// @param[in] wire_method  the method's name on the wire; not NULL; copied.
/// @param[in] params_json  as for sg_call_raw(); may be NULL if params_len is 0; copied.
/// @param[in] params_len  its length in bytes; 0 for none.
/// @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
/// @return as sg_call()
/// @threadsafe yes
/// @blocking yes, within the time limits of the client's options
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_call_raw_n(
    client: *const sg_client,
    wire_method: *const c_char,
    params_json: *const c_char,
    params_len: usize,
    out: *mut *mut sg_result,
) -> Status {
    from_c!(client: Borrowed<sg_client>, wire_method: Text, out: Out<*mut sg_result>);
    // SAFETY: the caller keeps to the header: params_json is NULL or params_len bytes.
    let params_json = unsafe { Span::from_c(params_json, params_len) };
    guard::status(|| call(&out, &client, &wire_method, || params_json.get("params_json"), Way::Raw))
}

/// Whose vocabulary a call is in.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// The official client's.
    Known,
    /// The wire's.
    Raw,
}

/// A call whose arguments were taken over from C.
pub(super) struct Call {
    way: Way,
    method: String,
    params: String,
}

impl Call {
    pub(super) fn new<'a>(way: Way, method: &Text<'_>, params: impl FnOnce() -> Result<&'a str>) -> Result<Call> {
        let parameter = match way {
            Way::Known => "method",
            Way::Raw => "wire_method",
        };
        let method = method.required(parameter)?.to_owned();
        let given = params()?;
        // A byte more, for the NUL that a document ends with.
        let mut params = String::with_capacity(given.len() + 1);
        params.push_str(given);
        Ok(Call { way, method, params })
    }

    /// Begins it on a client. Gives what is to be awaited, what it comes to if it is stopped before its end, and what tells whether it is to end.
    pub(super) fn begin(
        self,
        client: &Client,
        progress: &Arc<Progress>,
        why: &'static str,
    ) -> (
        Pin<Box<impl Future<Output = Result<Document>> + Send + use<>>>,
        impl Fn() -> Error + Send + Sync + use<>,
        Cancellation,
    ) {
        let mut running = client.begin(self.method, progress);
        let (stopped, cancellation) = (Arc::clone(progress), running.cancellation());
        // Boxed where it is made: wherever it is moved it would be copied whole, with all the room for what it will hold.
        let work = Box::pin(async move {
            match self.way {
                Way::Known => running.call(self.params).await,
                Way::Raw => running.call_raw(self.params).await,
            }
        });
        (work, move || Client::stopped(&stopped, why), cancellation)
    }
}

fn call<'a>(
    out: &Out<'_, *mut sg_result>,
    client: &Borrowed<'_, sg_client>,
    method: &Text<'_>,
    params: impl FnOnce() -> Result<&'a str>,
    way: Way,
) -> Result<()> {
    out.start(std::ptr::null_mut())?;
    let connection = client.share("client")?;
    let call = Call::new(way, method, params)?;
    let connection = connection.body();
    connection.runtime.ready()?;
    let (work, stopped, cancellation) = call.begin(&connection.client, &Arc::default(), "the library was shut down during the call");
    out.put(give(connection.runtime.run_here(cancellation, stopped, work)?));
    Ok(())
}
