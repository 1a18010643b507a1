//! Calls that return at once.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::sync::Arc;

use super::call::{Call, Way};
use super::client::sg_client;
use super::guard;
use super::handle::{Borrowed, Out};
use super::op::{Gives, Outcome, Work, sg_op};
use super::string::{Span, Text};
use super::structs::sg_call_options;
use crate::client::{Progress, Result, Status};

/// Begins a call and returns at once: sg_call() without the wait.
///
/// @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
/// @param[in] method  a method's name; not NULL; copied.
/// @param[in] params_json  as for sg_call(); NULL for no arguments; copied.
/// @param[in] options  limits of this call, or NULL for the client's own; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK: the call is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: a
///   pointer or a text itself; an unknown method and wrong parameters are the operation's failure;
///   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED; SG_STATUS_UNSUPPORTED: options of a later version ask for
///   something that this version does not know
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit(
    client: *const sg_client,
    method: *const c_char,
    params_json: *const c_char,
    options: *const sg_call_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(client: Borrowed<sg_client>, method: Text, params_json: Text, out: Out<*mut sg_op>);
    // SAFETY: the caller keeps to the header: options are NULL or begin with their size.
    let options = || unsafe { sg_call_options::read(options) };
    let params = || Ok(params_json.optional("params_json")?.unwrap_or(""));
    guard::status(|| submit(&out, &client, Way::Known, &method, params, options))
}

/// As sg_submit(), with the length of the parameters' text, which need not end with a NUL.
///
/// @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
/// @param[in] method  a method's name; not NULL; copied.
/// @param[in] params_json  as for sg_call(); may be NULL if params_len is 0; copied.
/// @param[in] params_len  its length in bytes; 0 for no arguments.
/// @param[in] options  limits of this call, or NULL for the client's own; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return as sg_submit()
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit_n(
    client: *const sg_client,
    method: *const c_char,
    params_json: *const c_char,
    params_len: usize,
    options: *const sg_call_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(client: Borrowed<sg_client>, method: Text, out: Out<*mut sg_op>);
    // SAFETY: the caller keeps to the header: params_json is NULL or params_len bytes.
    let params_json = unsafe { Span::from_c(params_json, params_len) };
    // SAFETY: the caller keeps to the header: options are NULL or begin with their size.
    let options = || unsafe { sg_call_options::read(options) };
    let params = || params_json.get("params_json");
    guard::status(|| submit(&out, &client, Way::Known, &method, params, options))
}

/// Begins a call of the wire and returns at once: sg_call_raw() without the wait.
///
/// @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
/// @param[in] wire_method  the method's name on the wire; not NULL; copied.
/// @param[in] params_json  as for sg_call_raw(); NULL for none; copied.
/// @param[in] options  limits of this call, or NULL for the client's own; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return as sg_submit()
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit_raw(
    client: *const sg_client,
    wire_method: *const c_char,
    params_json: *const c_char,
    options: *const sg_call_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(client: Borrowed<sg_client>, wire_method: Text, params_json: Text, out: Out<*mut sg_op>);
    // SAFETY: the caller keeps to the header: options are NULL or begin with their size.
    let options = || unsafe { sg_call_options::read(options) };
    let params = || Ok(params_json.optional("params_json")?.unwrap_or(""));
    guard::status(|| submit(&out, &client, Way::Raw, &wire_method, params, options))
}

/// As sg_submit_raw(), with the length of the parameters' text, which need not end with a NUL.
///
/// @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
/// @param[in] wire_method  the method's name on the wire; not NULL; copied.
/// @param[in] params_json  as for sg_call_raw(); may be NULL if params_len is 0; copied.
/// @param[in] params_len  its length in bytes; 0 for none.
/// @param[in] options  limits of this call, or NULL for the client's own; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return as sg_submit()
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit_raw_n(
    client: *const sg_client,
    wire_method: *const c_char,
    params_json: *const c_char,
    params_len: usize,
    options: *const sg_call_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(client: Borrowed<sg_client>, wire_method: Text, out: Out<*mut sg_op>);
    // SAFETY: the caller keeps to the header: params_json is NULL or params_len bytes.
    let params_json = unsafe { Span::from_c(params_json, params_len) };
    // SAFETY: the caller keeps to the header: options are NULL or begin with their size.
    let options = || unsafe { sg_call_options::read(options) };
    let params = || params_json.get("params_json");
    guard::status(|| submit(&out, &client, Way::Raw, &wire_method, params, options))
}

fn submit<'a>(
    out: &Out<'_, *mut sg_op>,
    client: &Borrowed<'_, sg_client>,
    way: Way,
    method: &Text<'_>,
    params: impl FnOnce() -> Result<&'a str>,
    options: impl FnOnce() -> Result<sg_call_options>,
) -> Result<()> {
    out.start(std::ptr::null_mut())?;
    let connection = client.share("client")?;
    let call = Call::new(way, method, params)?;
    let runtime = &connection.body().runtime;
    let client = options()?.limit(connection.body().client.clone());
    runtime.check_usable()?;
    let progress = Arc::<Progress>::default();
    let (work, stopped, _) = call.begin(&client, &progress, "the operation was cancelled");
    let work = async move { work.await.map(|answer| Outcome::Answer(Some(answer))) };
    out.put(Work::start(runtime, Gives::Answer, stopped, progress, work)?);
    Ok(())
}
