//! `sg_options`: what a host may set before it connects.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::path::PathBuf;
use std::time::Duration;

use super::guard;
use super::handle::{Exclusive, Handle, InBox, Owned};
use super::string::Text;
use crate::client::{Error, Options, Replay, Result, Secret, Status};

/// Settings for sg_connect_user(), sg_connect_script() and sg_connect_session().
///
/// One object may serve any number of connects, one after the other or at once: connecting copies it. Changing it is for
/// one thread at a time and does not change clients that are connected already. Wherever a `const sg_options *` is
/// taken, NULL stands for all defaults.
pub struct sg_options {
    _opaque: [u8; 0],
}

impl Handle for sg_options {
    type Body = Options;
    type Place = InBox;
    const NAME: &'static str = "sg_options";
    const MARK: u64 = u64::from_le_bytes(*b"sg_optns");
}

/// Makes settings that all have their defaults.
///
/// @return The settings, owned by the caller: give them to sg_options_free().
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_options_new() -> *mut sg_options {
    guard::getter(std::ptr::null_mut(), || Owned::<sg_options>::new(Options::default()).into_c())
}

/// Frees settings. Clients that were connected with them are not affected.
///
/// @param[in] options  the settings, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once nobody uses the settings
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_free(options: *mut sg_options) {
    from_c!(options: Owned<sg_options>);
    guard::getter((), || drop(options.take()));
}

/// Limits how long one exchange with the site may take in all, its retries included. Default: 60000.
///
/// That is the whole of most calls. A find of many pages has the limit for each page, since it may rightly take minutes. For uploads and
/// downloads it is how long a request may stand still: a large file takes as long as it takes, for as long as it moves.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] timeout_ms  milliseconds; 0 for no limit.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_timeout_ms(options: *mut sg_options, timeout_ms: u32) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| set(options, |options| options.timeout = limit(timeout_ms)))
}

/// Limits how long making one connection may take, TLS included. Default: 10000.
///
/// Each attempt of sg_options_set_max_attempts() has this limit anew, for writes too, since nothing was sent: with the defaults, a call that
/// nobody takes the connection of ends after some 31 seconds. The limit of sg_options_set_timeout_ms() counts all of them.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] timeout_ms  milliseconds; 0 for no limit of its own, so that only the limit of sg_options_set_timeout_ms() counts.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_connect_timeout_ms(options: *mut sg_options, timeout_ms: u32) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| set(options, |options| options.connect_timeout = limit(timeout_ms)))
}

/// Sets how often a read is tried in all before its failure is reported. Default: 3. Writes are never sent twice: they are tried again where
/// nothing was sent, as when no connection was made.
///
/// A download goes on where it broke, and each attempt that brought something begins the count anew: one that breaks again
/// and again goes on for as long as it moves, until it is cancelled.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] attempts  1 or more; 1 for never again.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_max_attempts(options: *mut sg_options, attempts: u32) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| {
        at_least_one(u64::from(attempts), "attempts")?;
        set(options, |options| options.max_attempts = attempts)
    })
}

/// Sets how many requests a client has under way at once. Further ones wait for their turn, in order; that wait counts in the time
/// limit of a call. Default: 32. Uploads and downloads have half as many besides, so that they hold up no call.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] connections  1 or more.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_max_connections(options: *mut sg_options, connections: u32) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| {
        at_least_one(u64::from(connections), "connections")?;
        set(options, |options| options.max_connections = connections)
    })
}

/// Limits the size of a reply after decompression; a larger one is SG_STATUS_PROTOCOL_TOO_LARGE. Default: 1 GiB.
///
/// All rows of a find together have the same limit; sg_pages_open() has it for each page. A reply may hold one value for each four
/// bytes of the limit. A result that is looked at by cursors takes up to fourteen times the limit where its values are as small as
/// that, and two to five times in most. Downloads to a file have a limit of their own: sg_options_set_max_download_bytes().
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] bytes  1 or more.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_max_reply_bytes(options: *mut sg_options, bytes: u64) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| {
        at_least_one(bytes, "bytes")?;
        set(options, |options| options.max_reply_bytes = bytes)
    })
}

/// Limits the size of a file that a download writes; a larger one is SG_STATUS_PROTOCOL_TOO_LARGE, and nothing of it is left. Default:
/// no limit but the disk's.
///
/// A file whose length is announced is refused before anything of it is written; any other when it grows beyond the limit.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] bytes  0 for no limit.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_max_download_bytes(options: *mut sg_options, bytes: u64) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| {
        let limit = (bytes > 0).then_some(bytes);
        set(options, |options| options.max_download_bytes = limit)
    })
}

/// Appends the name and version of your tool to the user agent, as add_user_agent() of the official client does.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] suffix  such as "my-tool (2.1)"; not empty; NULL for none; copied. Visible ASCII characters and spaces: any other is
///   SG_STATUS_INVALID_ARGUMENT while connecting.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_user_agent_suffix(options: *mut sg_options, suffix: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, suffix: Text);
    guard::status(|| {
        let suffix = filled(&suffix, "suffix", "the name of your tool")?.map(str::to_owned);
        set(options, |options| options.user_agent_suffix = suffix)
    })
}

/// Names a PEM file of certificates to trust besides the operating system's. It wins over the environment variable
/// SHOTGUN_API_CACERTS. Nothing turns the verification of certificates off.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] path  the file, as UTF-8 on every system; not empty; NULL for none; copied. It is read while connecting.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_ca_file(options: *mut sg_options, path: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, path: Text);
    guard::status(|| {
        let path = filled(&path, "path", "the path of a PEM file")?.map(PathBuf::from);
        set(options, |options| options.ca_file = path)
    })
}

/// Sends everything through an HTTP proxy. It wins over the proxy of the environment (https_proxy, http_proxy, all_proxy,
/// no_proxy). Other kinds of proxies, such as socks, are refused while connecting.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] proxy  [user:password@]host[:port] or an http:// URL; not empty; NULL for the environment's; copied. What
///   cannot be read as such is SG_STATUS_INVALID_ARGUMENT while connecting.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_proxy(options: *mut sg_options, proxy: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, proxy: Text);
    guard::status(|| {
        let proxy = filled(&proxy, "proxy", "[user:password@]host[:port] or an http:// URL")?.map(Secret::new);
        set(options, |options| options.proxy = proxy)
    })
}

/// Goes straight to the site, whatever sg_options_set_proxy() and the environment say. Default: off.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] on  0 for off, anything else for on.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_no_proxy(options: *mut sg_options, on: i32) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| set(options, |options| options.no_proxy = on != 0))
}

/// Acts for another person: what is written is that person's doing, within that person's role. The caller's own role
/// must allow it; a person who cannot be acted for is SG_STATUS_AUTH_SUDO_TARGET.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] login  the person's login; not empty; NULL for nobody; copied.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_sudo_as_login(options: *mut sg_options, login: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, login: Text);
    guard::status(|| {
        let login = filled(&login, "login", "a person's login")?.map(str::to_owned);
        set(options, |options| options.sudo_as_login = login)
    })
}

/// Gives the second factor of a person's sign-in, for sg_connect_user() alone. Without it, a site that asks for one
/// answers SG_STATUS_AUTH_TWO_FACTOR.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] token  the code from the person's device; not empty; NULL for none; copied, and wiped when freed.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_auth_token(options: *mut sg_options, token: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, token: Text);
    guard::status(|| {
        let token = filled(&token, "token", "a second factor")?.map(Secret::new);
        set(options, |options| options.auth_token = token)
    })
}

/// Tags the event log entries of this client's writes, so that a tool can tell its own events from others'.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] uuid  the tag; not empty; NULL for none; copied.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_session_uuid(options: *mut sg_options, uuid: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, uuid: Text);
    guard::status(|| {
        let uuid = filled(&uuid, "uuid", "a UUID")?.map(str::to_owned);
        set(options, |options| options.session_uuid = uuid)
    })
}

/// Allows http:// to hosts other than this machine. Passwords and keys then cross the network in clear text.
/// Default: off. To this machine itself (127.0.0.1, ::1, localhost) http:// is always allowed.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] on  0 for off, anything else for on.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_allow_insecure_http(options: *mut sg_options, on: i32) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| set(options, |options| options.allow_insecure_http = on != 0))
}

/// Proves the credentials while connecting, so that a wrong password shows at once and not at the first call.
/// Default: on. Off, connecting sends nothing, and the first call tells.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] on  0 for off, anything else for on.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_verify_on_connect(options: *mut sg_options, on: i32) -> Status {
    from_c!(options: Exclusive<sg_options>);
    guard::status(|| set(options, |options| options.verify_on_connect = on != 0))
}

/// Records: writes all that goes to the site and comes from it to a file, without passwords, keys, tokens, cookies and signatures.
///
/// The file is made while connecting, for its owner alone (mode 0600). One that is there is refused (SG_STATUS_IO), except that
/// clients of one process that name the same file share it. Each request stands in it before its answer is given, so that a crash
/// leaves all before it. Where it cannot be written any more, as on a full disk, calls go on as without: the log says so once, as an
/// error about "record", and sg_stats counts what it lacks (`unrecorded`). The rows of the site are in it: look through it before you
/// give it away. See docs/recording.md.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] path  the file to make, as UTF-8 on every system; not empty; NULL for no recording; copied.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_record(options: *mut sg_options, path: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, path: Text);
    guard::status(|| {
        let path = filled(&path, "path", "the path of a file to make")?.map(PathBuf::from);
        set(options, |options| options.record = path)
    })
}

/// Replays: answers from a recording, in place of the site. No connection is made, and no name looked up.
///
/// The address, login, name, key, password and token of a connect may then be anything, also empty. A request is answered as it
/// was recorded, faults included, and at once: its method and parameters decide, and where none is the same, those that differ in
/// dates and times alone. The same request is answered in the order of the file; after that a read is given the last answer again,
/// and a write is SG_STATUS_RECORDING_NO_MATCH, as is what was not recorded: the message says what was asked and where the nearest
/// differs. Clients that are connected with these settings share their place in the recording; setting it anew begins at its
/// beginning. A file that is no recording, or a broken one, is SG_STATUS_RECORDING while connecting. See docs/recording.md.
///
/// @param[in] options  the settings to change; not NULL; stay the caller's.
/// @param[in] path  the recording, as UTF-8 on every system; not empty; NULL for the site; copied. It is read while connecting, and
///   must stay as it is while a client uses it.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe per handle: one thread at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_options_set_replay(options: *mut sg_options, path: *const c_char) -> Status {
    from_c!(options: Exclusive<sg_options>, path: Text);
    guard::status(|| {
        let replay = filled(&path, "path", "the path of a recording")?.map(Replay::new);
        set(options, |options| options.replay = replay)
    })
}

fn set(options: Exclusive<'_, sg_options>, change: impl FnOnce(&mut Options)) -> Result<()> {
    options.get("options").map(change)
}

/// A time limit as C writes it: 0 is none.
fn limit(milliseconds: u32) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(u64::from(milliseconds)))
}

fn at_least_one(value: u64, name: &str) -> Result<()> {
    if value == 0 {
        Err(Error::invalid_argument(format!("{name} is 0; 1 is the least")))
    } else {
        Ok(())
    }
}

/// A text setting: NULL resets it, and it may not be empty.
fn filled<'a>(text: &Text<'a>, name: &str, allowed: &str) -> Result<Option<&'a str>> {
    match text.optional(name)? {
        Some("") => Err(Error::invalid_argument(format!(
            "{name} is empty; give {allowed}, or NULL to reset it"
        ))),
        other => Ok(other),
    }
}
