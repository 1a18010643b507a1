//! Signing in by the browser, and sessions that are taken along, end, and are replaced: through the C functions, against a local site.

#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

mod support;

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use shotgrid_sandbox::Sandbox;
use support::*;

const READ: &str = r#"["Shot",[],["code"]]"#;

fn sandbox() -> Sandbox {
    Sandbox::builder().start().unwrap()
}

fn new_sign_in(site: &Sandbox) -> *mut sg_sign_in {
    let mut sign_in = null_mut();
    unsafe {
        good(sg_sign_in_new(
            c(site.url()).as_ptr(),
            c"Paint".as_ptr(),
            c"box".as_ptr(),
            null(),
            &mut sign_in,
        ));
        good(sg_sign_in_set_poll_interval_ms(sign_in, 20));
    }
    sign_in
}

fn begun(site: &Sandbox) -> *mut sg_sign_in {
    let sign_in = new_sign_in(site);
    good(unsafe { sg_sign_in_begin(sign_in) });
    sign_in
}

/// The one request that is open.
fn id(site: &Sandbox) -> String {
    site.app_session_requests()[0].id.clone()
}

fn approve(site: &Sandbox) {
    site.approve_app_session(&id(site), &site.person("artist").unwrap().login).unwrap();
}

fn find(client: *const sg_client) -> Status {
    let mut result = null_mut();
    let status = unsafe { sg_call(client, c"find".as_ptr(), c(READ).as_ptr(), &mut result) };
    unsafe { sg_result_free(result) };
    status
}

fn token(client: *const sg_client) -> String {
    let (mut buffer, mut length) = ([0u8; 256], 0);
    good(unsafe { sg_client_session_token(client, buffer.as_mut_ptr().cast(), buffer.len(), &mut length) });
    assert_eq!(buffer[length], 0);
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

/// Another session of the same person.
fn another_session(site: &Sandbox) -> String {
    let artist = site.person("artist").unwrap();
    let mut client = null_mut();
    unsafe {
        let (url, login, password) = (c(site.url()), c(&artist.login), c(&artist.password));
        good(sg_connect_user(
            url.as_ptr(),
            login.as_ptr(),
            password.as_ptr(),
            null(),
            &mut client,
        ));
        let token = token(client);
        sg_client_free(client);
        token
    }
}

#[test]
fn from_the_beginning_to_a_client_and_its_session_elsewhere() {
    let site = sandbox();
    let sign_in = new_sign_in(&site);
    let mut client = null_mut();
    unsafe {
        assert!(sg_sign_in_url(sign_in).is_null() && sg_sign_in_login(sign_in).is_null());
        fails(sg_sign_in_wait(sign_in, 0, &mut client), Status::InvalidState, &["begin"]);
        fails(sg_sign_in_open_browser(sign_in), Status::InvalidState, &["begin"]);
        good(sg_sign_in_begin(sign_in));
        assert_eq!(
            read(sg_sign_in_url(sign_in)),
            format!("{}/app_session_request/{}", site.url(), id(&site))
        );
        fails(sg_sign_in_begin(sign_in), Status::InvalidState, &["begun already"]);
        fails(
            sg_sign_in_wait(sign_in, 60, &mut client),
            Status::TimeoutWait,
            &["nobody has approved"],
        );
        assert!(client.is_null());
        approve(&site);
        good(sg_sign_in_wait(sign_in, -1, &mut client));
        assert_eq!(read(sg_sign_in_login(sign_in)), site.person("artist").unwrap().login);
        good(find(client));

        // Its session joined by another client, which lives on without it.
        let kept = token(client);
        let mut again = null_mut();
        good(sg_sign_in_wait(sign_in, 0, &mut again));
        assert_eq!(token(again), kept);
        sg_client_free(again);
        sg_client_free(client);
        sg_sign_in_free(sign_in);
        let mut joined = null_mut();
        good(sg_connect_session(c(site.url()).as_ptr(), c(&kept).as_ptr(), null(), &mut joined));
        good(find(joined));
        assert_eq!(token(joined), kept);
        sg_client_free(joined);
        sg_sign_in_free(null_mut());
    }
}

#[test]
fn without_a_wait_by_operations_and_a_queue() {
    extern "C" fn count(_: *mut sg_op, data: *mut c_void) {
        unsafe { &*data.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
    }
    let site = sandbox();
    let sign_in = new_sign_in(&site);
    let called = AtomicUsize::new(0);
    let (mut op, mut wait, mut queue, mut result, mut client) = (null_mut(), null_mut(), null_mut(), null_mut(), null_mut());
    unsafe {
        good(sg_sign_in_submit_begin(sign_in, &mut op));
        good(sg_op_wait(op, 20_000));
        good(sg_op_take_result(op, &mut result));
        let url = read(sg_value_string(sg_result_value(result), null_mut()));
        assert_eq!(url, read(sg_sign_in_url(sign_in)));
        good(sg_queue_new(&mut queue));
        good(sg_sign_in_submit_wait(sign_in, &mut wait));
        good(sg_queue_on_done(
            queue,
            wait,
            Some(count),
            (&raw const called).cast_mut().cast(),
            None,
        ));
        good(sg_queue_dispatch(queue, 0, 100, null_mut()));
        assert_eq!(called.load(Ordering::SeqCst), 0);
        // The wait goes on without the sign-in.
        sg_sign_in_free(sign_in);
        approve(&site);
        let start = Instant::now();
        while called.load(Ordering::SeqCst) == 0 && start.elapsed() < LONG {
            good(sg_queue_dispatch(queue, 0, 100, null_mut()));
        }
        good(sg_op_take_client(wait, &mut client));
        good(find(client));
        sg_client_free(client);
        sg_result_free(result);
        sg_op_free(op);
        sg_op_free(wait);
        sg_queue_free(queue);
    }
}

#[test]
fn rejected_too_old_switched_off_and_cancelled_are_told_apart() {
    let site = Sandbox::builder().app_session_lifetime(Duration::from_secs(3)).start().unwrap();
    let mut client = null_mut();
    unsafe {
        let rejected = begun(&site);
        site.reject_app_session(&id(&site)).unwrap();
        fails(
            sg_sign_in_wait(rejected, -1, &mut client),
            Status::AuthSignInRejected,
            &["rejected"],
        );
        fails(sg_sign_in_wait(rejected, 0, &mut client), Status::AuthSignInRejected, &["rejected"]);
        sg_sign_in_free(rejected);

        let old = new_sign_in(&site);
        good(sg_sign_in_set_lifetime_ms(old, 3_000));
        good(sg_sign_in_begin(old));
        fails(sg_sign_in_wait(old, -1, &mut client), Status::AuthSignInExpired, &["in time"]);
        sg_sign_in_free(old);

        let cancelled = begun(&site);
        let mut op = null_mut();
        good(sg_sign_in_submit_wait(cancelled, &mut op));
        good(sg_sign_in_cancel(cancelled));
        good(sg_op_wait(op, 20_000));
        fails(sg_op_take_client(op, &mut client), Status::Cancelled, &["cancelled"]);
        fails(sg_sign_in_wait(cancelled, -1, &mut client), Status::Cancelled, &["cancelled"]);
        sg_op_free(op);
        sg_sign_in_free(cancelled);

        let without = Sandbox::builder().app_session_launcher(false).start().unwrap();
        let off = new_sign_in(&without);
        fails(sg_sign_in_begin(off), Status::AuthSignInOff, &["login and password"]);
        sg_sign_in_free(off);
    }
    assert!(client.is_null());
}

#[test]
fn arguments_that_cannot_be_are_refused() {
    let site = sandbox();
    let url = c(site.url());
    let mut sign_in = null_mut();
    let mut new = |url: *const c_char, app: *const c_char, machine: *const c_char| unsafe {
        let status = sg_sign_in_new(url, app, machine, null(), &mut sign_in);
        assert!(sign_in.is_null());
        status
    };
    let (app, machine) = (c"Paint".as_ptr(), c"box".as_ptr());
    fails(new(null(), app, machine), Status::InvalidArgument, &["site_url is NULL"]);
    fails(new(url.as_ptr(), null(), machine), Status::InvalidArgument, &["app_name is NULL"]);
    fails(new(url.as_ptr(), app, null()), Status::InvalidArgument, &["machine_id is NULL"]);
    fails(
        new(url.as_ptr(), c"".as_ptr(), machine),
        Status::InvalidArgument,
        &["app_name is empty"],
    );
    fails(new(c"studio".as_ptr(), app, machine), Status::InvalidArgument, &["site_url"]);
    let (sign_in, mut client, mut op) = (begun(&site), null_mut(), null_mut());
    unsafe {
        fails(
            sg_sign_in_new(url.as_ptr(), app, machine, null(), null_mut()),
            Status::InvalidArgument,
            &["out is NULL"],
        );
        fails(
            sg_sign_in_set_poll_interval_ms(sign_in, 0),
            Status::InvalidArgument,
            &["interval_ms is 0"],
        );
        fails(
            sg_sign_in_set_lifetime_ms(sign_in, 0),
            Status::InvalidArgument,
            &["lifetime_ms is 0"],
        );
        fails(
            sg_sign_in_set_poll_interval_ms(null(), 1),
            Status::InvalidArgument,
            &["sign_in is NULL"],
        );
        fails(sg_sign_in_set_lifetime_ms(null(), 1), Status::InvalidArgument, &["sign_in is NULL"]);
        fails(sg_sign_in_begin(null()), Status::InvalidArgument, &["sign_in is NULL"]);
        fails(
            sg_sign_in_submit_begin(null(), &mut op),
            Status::InvalidArgument,
            &["sign_in is NULL"],
        );
        fails(
            sg_sign_in_submit_begin(sign_in, null_mut()),
            Status::InvalidArgument,
            &["out is NULL"],
        );
        fails(
            sg_sign_in_wait(null(), 0, &mut client),
            Status::InvalidArgument,
            &["sign_in is NULL"],
        );
        fails(sg_sign_in_wait(sign_in, 0, null_mut()), Status::InvalidArgument, &["out is NULL"]);
        fails(
            sg_sign_in_submit_wait(null(), &mut op),
            Status::InvalidArgument,
            &["sign_in is NULL"],
        );
        fails(
            sg_sign_in_submit_wait(sign_in, null_mut()),
            Status::InvalidArgument,
            &["out is NULL"],
        );
        fails(sg_sign_in_open_browser(null()), Status::InvalidArgument, &["sign_in is NULL"]);
        fails(sg_sign_in_cancel(null()), Status::InvalidArgument, &["sign_in is NULL"]);
        assert!(sg_sign_in_url(null()).is_null() && sg_sign_in_login(null()).is_null());
        fails(
            sg_client_renew_session(null(), null()),
            Status::InvalidArgument,
            &["client is NULL"],
        );
        let status = sg_client_on_session_expired(null(), null(), None, null_mut(), None, 0);
        fails(status, Status::InvalidArgument, &["client is NULL"]);
        sg_sign_in_free(sign_in);
    }
}

#[test]
fn a_token_is_copied_whole_or_not_at_all() {
    let site = sandbox();
    let session = another_session(&site);
    let (mut client, mut length) = (null_mut(), 7);
    unsafe {
        fails(
            sg_client_session_token(null(), null_mut(), 0, &mut length),
            Status::InvalidArgument,
            &["client is NULL"],
        );
        assert_eq!(length, 0);
        good(sg_connect_session(
            c(site.url()).as_ptr(),
            c(&session).as_ptr(),
            null(),
            &mut client,
        ));
        fails(
            sg_client_session_token(client, null_mut(), 0, null_mut()),
            Status::InvalidArgument,
            &["both NULL"],
        );
        good(sg_client_session_token(client, null_mut(), 0, &mut length));
        assert_eq!(length, session.len());
        let mut small = vec![b'x'; length];
        let status = sg_client_session_token(client, small.as_mut_ptr().cast(), small.len(), &mut length);
        fails(status, Status::InvalidArgument, &[&format!("needs {}", session.len() + 1)]);
        assert!(small.iter().all(|byte| *byte == b'x') && !message().contains(&session));
        assert_eq!(length, session.len());
        let status = sg_client_session_token(client, small.as_mut_ptr().cast(), 0, null_mut());
        fails(status, Status::InvalidArgument, &["has 0 bytes"]);
        let mut fits = vec![b'x'; length + 1];
        good(sg_client_session_token(client, fits.as_mut_ptr().cast(), fits.len(), null_mut()));
        assert_eq!(read(fits.as_ptr().cast()), session);
        fails(
            sg_client_renew_session(client, c"".as_ptr()),
            Status::InvalidArgument,
            &["session_token is empty"],
        );
        sg_client_free(client);

        let (url, name, key) = (c(site.url()), c(&site.script().name), c(&site.script().api_key));
        good(sg_connect_script(url.as_ptr(), name.as_ptr(), key.as_ptr(), null(), &mut client));
        let mut buffer = [0 as c_char; 64];
        let status = sg_client_session_token(client, buffer.as_mut_ptr(), buffer.len(), &mut length);
        fails(status, Status::InvalidState, &["script"]);
        fails(sg_client_renew_session(client, c"t".as_ptr()), Status::InvalidState, &["script"]);
        let finalized = AtomicUsize::new(0);
        let data = (&raw const finalized).cast_mut().cast();
        let status = sg_client_on_session_expired(client, null(), Some(noted), data, Some(noted), 0);
        fails(status, Status::InvalidState, &["script"]);
        sg_client_free(client);
        assert_eq!(finalized.load(Ordering::SeqCst), 0);
    }
}

extern "C" fn noted(data: *mut c_void) {
    unsafe { &*data.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
}

#[track_caller]
fn comes(counter: &AtomicUsize, wanted: usize) {
    let start = Instant::now();
    while counter.load(Ordering::SeqCst) != wanted && start.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(counter.load(Ordering::SeqCst), wanted);
}

/// What a host keeps for its callback.
struct Host {
    told: AtomicUsize,
    finalized: AtomicUsize,
    reentrant: AtomicUsize,
    client: *const sg_client,
    token: String,
}

impl Host {
    /// A host that has another session at hand.
    fn new(client: *const sg_client, site: &Sandbox) -> Host {
        Host {
            told: AtomicUsize::new(0),
            finalized: AtomicUsize::new(0),
            reentrant: AtomicUsize::new(0),
            client,
            token: another_session(site),
        }
    }
}

extern "C" fn hands_over(data: *mut c_void) {
    let host = unsafe { &*data.cast::<Host>() };
    if find(host.client) == Status::InvalidStateReentrant {
        host.reentrant.fetch_add(1, Ordering::SeqCst);
    }
    good(unsafe { sg_client_renew_session(host.client, c(&host.token).as_ptr()) });
    host.told.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn finalize(data: *mut c_void) {
    unsafe { &*data.cast::<Host>() }.finalized.fetch_add(1, Ordering::SeqCst);
}

fn client_in_session(site: &Sandbox) -> *mut sg_client {
    let mut client = null_mut();
    good(unsafe { sg_connect_session(c(site.url()).as_ptr(), c(&another_session(site)).as_ptr(), null(), &mut client) });
    client
}

#[test]
fn a_host_that_is_told_hands_over_a_session_and_the_call_goes_on() {
    let site = sandbox();
    let client = client_in_session(&site);
    site.expire_sessions().unwrap();
    let host = Host::new(client, &site);
    let data = (&raw const host).cast_mut().cast();
    unsafe {
        good(sg_client_on_session_expired(
            client,
            null(),
            Some(hands_over),
            data,
            Some(finalize),
            20_000,
        ));
        good(find(client));
        assert_eq!((host.told.load(Ordering::SeqCst), host.reentrant.load(Ordering::SeqCst)), (1, 1));
        assert_eq!(host.finalized.load(Ordering::SeqCst), 0);
        // Replaced by nothing, and gone with the client: finalized once.
        good(sg_client_on_session_expired(client, null(), None, null_mut(), None, 0));
        comes(&host.finalized, 1);
        good(sg_client_on_session_expired(
            client,
            null(),
            Some(hands_over),
            data,
            Some(finalize),
            0,
        ));
        sg_client_free(client);
        comes(&host.finalized, 2);
    }
}

#[test]
fn a_host_is_told_on_its_own_thread_by_a_queue() {
    let site = sandbox();
    let client = client_in_session(&site);
    site.expire_sessions().unwrap();
    let host = Host::new(client, &site);
    let data = (&raw const host).cast_mut().cast();
    let (mut queue, mut op, mut count) = (null_mut(), null_mut(), 0);
    unsafe {
        good(sg_queue_new(&mut queue));
        // Calls that the callback itself makes must not wait for it.
        good(sg_client_on_session_expired(
            client,
            queue,
            Some(hands_over),
            data,
            Some(finalize),
            300,
        ));
        good(sg_submit(client, c"find".as_ptr(), c(READ).as_ptr(), null(), &mut op));
        while count == 0 {
            good(sg_queue_dispatch(queue, 0, 20_000, &mut count));
        }
        assert_eq!((host.told.load(Ordering::SeqCst), host.reentrant.load(Ordering::SeqCst)), (1, 0));
        good(find(client));
        sg_op_free(op);
        sg_client_free(client);
        comes(&host.finalized, 1);
        sg_queue_free(queue);
    }
}

#[test]
fn without_a_host_s_answer_calls_fail_when_their_wait_is_over() {
    let site = sandbox();
    let client = client_in_session(&site);
    site.expire_sessions().unwrap();
    let told = AtomicUsize::new(0);
    let data = (&raw const told).cast_mut().cast();
    unsafe {
        good(sg_client_on_session_expired(client, null(), Some(noted), data, None, 100));
        fails(find(client), Status::AuthSessionExpired, &["session"]);
        comes(&told, 1);
        good(sg_client_renew_session(client, null()));
        fails(find(client), Status::AuthSessionExpired, &["session"]);
        let session = another_session(&site);
        good(sg_client_renew_session(client, c(&session).as_ptr()));
        good(find(client));
        sg_client_free(client);
    }
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[test]
fn a_function_that_is_refused_leaves_the_one_before_in_its_place() {
    let site = sandbox();
    let client = client_in_session(&site);
    site.expire_sessions().unwrap();
    let told = AtomicUsize::new(0);
    let data = (&raw const told).cast_mut().cast();
    unsafe {
        good(sg_client_on_session_expired(client, null(), Some(noted), data, None, 0));
        let no_queue = client.cast_const().cast::<sg_queue>();
        let status = sg_client_on_session_expired(client, no_queue, Some(noted), null_mut(), None, 0);
        fails(status, Status::InvalidArgument, &["queue"]);
        fails(find(client), Status::AuthSessionExpired, &["session"]);
        comes(&told, 1);
        sg_client_free(client);
    }
}
