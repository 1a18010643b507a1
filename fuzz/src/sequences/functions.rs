//! Every exported function and how it is called, in the order of the header. `tests/short.rs` holds the list against docs/symbols.md.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use shotgrid::client::Status;
use shotgrid::ffi::*;

use super::Function;
use super::texts::SECRET;
use super::watch::{By, finalize, on_done, on_expired, on_log};
use super::world::World;
use crate::input::Input;

/// `sg_name(f, w, i) { … }`: in the block `f` is the function itself, so that none stands here and is not called.
macro_rules! functions {
    ($($name:ident($f:ident, $w:ident, $i:ident) $body:block)*) => {
        /// Every exported function.
        pub const FUNCTIONS: &[Function] = &[$(Function {
            name: stringify!($name),
            call: |$w: &mut World, $i: &mut Input<'_>| {
                let $f = $name;
                // SAFETY: handles live, are NULL, or are of another type, which the library must see; texts end with NUL; memory is as
                // large as is said.
                #[allow(unused_unsafe, reason = "some functions take no pointers")]
                unsafe { $body }
            },
        }),*];
    };
}

/// An answer that no function gives, so that it shows where an `out` parameter is not set.
fn unset<T>() -> *mut T {
    null_mut::<T>().wrapping_byte_add(0xdead_0000)
}

fn is_zero<T: Default + PartialEq>(number: T) -> bool {
    number == T::default()
}

/// Calls a function that gives a handle, now and then with no place for it.
macro_rules! gives {
    ($w:ident, $i:ident, $slots:ident, $may_be_null:expr, |$out:ident| $call:expr) => {{
        if $i.one_in(32) {
            let $out = null_mut();
            let got = $call;
            $w.keep(got, None, |world| &mut world.$slots, $may_be_null);
        } else {
            let mut made = unset();
            let $out = &raw mut made;
            let got = $call;
            $w.keep(got, Some(made), |world| &mut world.$slots, $may_be_null);
        }
    }};
}

/// Calls a function that gives a number, which is 0 on failure.
macro_rules! reads {
    ($w:ident, $i:ident, $unset:expr, |$out:ident| $call:expr) => {{
        if $i.one_in(32) {
            let $out = null_mut();
            let got = $call;
            assert!(!$w.check(got), "there is nowhere to put the answer");
        } else {
            let mut made = $unset;
            let $out = &raw mut made;
            let got = $call;
            assert!($w.check(got) || is_zero(made), "a failure gives nothing");
        }
    }};
}

functions! {
    sg_lib_version(f, _w, _i) { text(f()).expect("a version"); }
    sg_lib_version_number(f, _w, _i) { assert!(f() > 0); }
    sg_status_name(f, _w, i) { text(f(code(i))).expect("a name"); }
    sg_status_describe(f, _w, i) { text(f(code(i))).expect("a sentence"); }

    sg_options_new(f, w, _i) { w.options.put(f()); }
    sg_options_free(f, w, i) { f(w.options.take(i)); f(w.queues.get(i).cast()); }
    sg_options_set_timeout_ms(f, w, i) { let got = f(w.option(i), i.pick(&[0, 1, 30, 20_000, u32::MAX])); w.check(got); }
    sg_options_set_connect_timeout_ms(f, w, i) { let got = f(w.option(i), i.pick(&[0, 1, 30, 20_000, u32::MAX])); w.check(got); }
    sg_options_set_max_attempts(f, w, i) { let got = f(w.option(i), i.pick(&[1, 0, 2, u32::MAX])); w.check(got); }
    sg_options_set_max_connections(f, w, i) { let got = f(w.option(i), i.pick(&[1, 0, 32, u32::MAX])); w.check(got); }
    sg_options_set_max_reply_bytes(f, w, i) { let got = f(w.option(i), i.pick(&[1 << 20, 0, 1, 100, u64::MAX])); w.check(got); }
    sg_options_set_max_download_bytes(f, w, i) { let got = f(w.option(i), i.pick(&[0, 1 << 20, 1, 100, u64::MAX])); w.check(got); }
    sg_options_set_user_agent_suffix(f, w, i) { let got = f(w.option(i), w.texts.any(i)); w.check(got); }
    sg_options_set_ca_file(f, w, i) { let got = f(w.option(i), w.texts.path(i)); w.check(got); }
    sg_options_set_proxy(f, w, i) { let got = f(w.option(i), w.texts.address(i)); w.check(got); }
    sg_options_set_no_proxy(f, w, i) { let got = f(w.option(i), i.pick(&[1, 0, -1, i32::MIN])); w.check(got); }
    sg_options_set_sudo_as_login(f, w, i) { let got = f(w.option(i), w.texts.any(i)); w.check(got); }
    sg_options_set_auth_token(f, w, i) { let got = f(w.option(i), w.texts.secret(i)); w.check(got); }
    sg_options_set_session_uuid(f, w, i) { let got = f(w.option(i), w.texts.any(i)); w.check(got); }
    sg_options_set_allow_insecure_http(f, w, i) { let got = f(w.option(i), i32::from(i.byte())); w.check(got); }
    sg_options_set_verify_on_connect(f, w, i) { let got = f(w.option(i), i32::from(i.byte() & 1)); w.check(got); }
    sg_options_set_record(f, w, i) { let got = f(w.option(i), w.texts.taken_path(i)); w.check(got); }
    sg_options_set_replay(f, w, i) { let got = f(w.option(i), w.texts.path(i)); w.check(got); }

    sg_connect_user(f, w, i) {
        let (url, login, password) = (w.texts.address(i), w.texts.any(i), w.texts.secret(i));
        gives!(w, i, clients, false, |out| f(url, login, password, w.option(i), out));
    }
    sg_connect_script(f, w, i) {
        let (url, name, key) = (w.texts.address(i), w.texts.any(i), w.texts.secret(i));
        gives!(w, i, clients, false, |out| f(url, name, key, w.option(i), out));
    }
    sg_connect_session(f, w, i) {
        let (url, token) = (w.texts.address(i), w.texts.secret(i));
        gives!(w, i, clients, false, |out| f(url, token, w.option(i), out));
    }
    sg_submit_connect_user(f, w, i) {
        let (url, login, password) = (w.texts.address(i), w.texts.any(i), w.texts.secret(i));
        gives!(w, i, ops, false, |out| f(url, login, password, w.option(i), out));
    }
    sg_submit_connect_script(f, w, i) {
        let (url, name, key) = (w.texts.address(i), w.texts.any(i), w.texts.secret(i));
        gives!(w, i, ops, false, |out| f(url, name, key, w.option(i), out));
    }
    sg_submit_connect_session(f, w, i) {
        let (url, token) = (w.texts.address(i), w.texts.secret(i));
        gives!(w, i, ops, false, |out| f(url, token, w.option(i), out));
    }
    sg_client_stats(f, w, i) {
        // As much memory as the largest size that is said here.
        let mut memory = [u64::MAX; 32];
        memory[0] = u64::from(i.pick(&[size_of::<sg_stats>() as u32, 8, 0, 7, 12, 256, 5_000]));
        let out = if i.one_in(16) { null_mut() } else { memory.as_mut_ptr() };
        let got = f(w.client(i), out.cast());
        w.check(got);
        assert!(memory[size_of::<sg_stats>() / 8..].iter().all(|word| *word == u64::MAX), "it wrote behind what it knows");
    }
    sg_client_cancel_calls(f, w, i) { let got = f(w.client(i)); w.check(got); }
    sg_client_free(f, w, i) { f(w.clients.take(i)); f(w.options.get(i).cast()); }
    sg_client_session_token(f, w, i) {
        let mut buffer = [0x55_u8; 64];
        let (capacity, mut length) = (i.below(64), 7);
        let place = if i.one_in(8) { null_mut() } else { buffer.as_mut_ptr().cast() };
        let got = f(w.client(i), place, capacity, if i.one_in(8) { null_mut() } else { &mut length });
        let good = w.check(got);
        assert!(buffer[capacity..].iter().all(|byte| *byte == 0x55), "it wrote behind the buffer");
        assert!(good || buffer.iter().all(|byte| *byte == 0x55), "it wrote a part of a token");
    }
    sg_client_renew_session(f, w, i) { let token = w.texts.secret(i); let got = f(w.client(i), token); w.check(got); }
    sg_client_on_session_expired(f, w, i) {
        let (client, queue) = (w.client(i), if i.one_in(2) { null() } else { w.queue(i) });
        let watch = w.watch(By::Log);
        let function = (!i.one_in(16)).then_some(on_expired as unsafe extern "C" fn(_));
        let got = f(client, queue, function, watch.lend(), Some(finalize), i.pick(&[0, 1, 20]));
        if !w.check(got) || function.is_none() { w.not_taken(&watch); }
    }

    sg_sign_in_new(f, w, i) {
        let (url, app, machine) = (w.texts.address(i), w.texts.any(i), w.texts.any(i));
        gives!(w, i, sign_ins, false, |out| f(url, app, machine, w.option(i), out));
    }
    sg_sign_in_set_poll_interval_ms(f, w, i) { let got = f(w.sign_in(i), i.pick(&[0, 1, 20, u32::MAX])); w.check(got); }
    sg_sign_in_set_lifetime_ms(f, w, i) { let got = f(w.sign_in(i), i.pick(&[0, 1, 20, u32::MAX])); w.check(got); }
    sg_sign_in_begin(f, w, i) { let got = f(w.sign_in(i)); w.check(got); }
    sg_sign_in_submit_begin(f, w, i) { gives!(w, i, ops, false, |out| f(w.sign_in(i), out)); }
    sg_sign_in_url(f, w, i) { text(f(w.sign_in(i))); }
    sg_sign_in_login(f, w, i) { text(f(w.sign_in(i))); }
    // The site of the sequences offers none, so that no browser comes up.
    sg_sign_in_open_browser(f, w, i) { let got = f(w.sign_in(i)); assert!(!w.check(got)); }
    sg_sign_in_wait(f, w, i) { gives!(w, i, clients, false, |out| f(w.sign_in(i), i.pick(&[0, 1, 10]), out)); }
    sg_sign_in_submit_wait(f, w, i) { gives!(w, i, ops, false, |out| f(w.sign_in(i), out)); }
    sg_sign_in_cancel(f, w, i) { let got = f(w.sign_in(i)); w.check(got); }
    sg_sign_in_free(f, w, i) { f(w.sign_ins.take(i)); f(w.clients.get(i).cast()); }

    sg_json_quote(f, w, i) {
        let given = w.texts.any(i);
        let mut buffer = [0x55_u8; 64];
        let capacity = i.below(64);
        let place = if i.one_in(8) { null_mut() } else { buffer.as_mut_ptr().cast() };
        let needed = f(given, place, capacity);
        assert!(buffer[capacity..].iter().all(|byte| *byte == 0x55), "it wrote behind the buffer");
        if !place.is_null() && capacity > needed && needed > 0 {
            let written = CStr::from_ptr(place).to_bytes();
            assert_eq!(written.len(), needed);
            assert!(serde_json::from_slice::<Option<String>>(written).is_ok());
        }
    }
    sg_methods_json(f, _w, _i) { assert!(text(f()).is_some_and(crate::json_oracle::is_json)); }
    sg_call(f, w, i) {
        let (method, name) = w.texts.method(i);
        let params = w.texts.params(name, i);
        gives!(w, i, results, false, |out| f(w.client(i), method, params, out));
    }
    sg_call_n(f, w, i) {
        let (method, name) = w.texts.method(i);
        let params = w.texts.params_n(name, i);
        gives!(w, i, results, false, |out| f(w.client(i), method, params.0, params.1, out));
    }
    sg_call_raw(f, w, i) {
        let (method, params) = (w.texts.method(i).0, w.texts.params("", i));
        gives!(w, i, results, false, |out| f(w.client(i), method, params, out));
    }
    sg_call_raw_n(f, w, i) {
        let (method, params) = (w.texts.method(i).0, w.texts.params_n("", i));
        gives!(w, i, results, false, |out| f(w.client(i), method, params.0, params.1, out));
    }
    sg_submit(f, w, i) {
        let (method, name) = w.texts.method(i);
        let (params, limits) = (w.texts.params(name, i), limits(i));
        gives!(w, i, ops, false, |out| f(w.client(i), method, params, pointer(&limits), out));
    }
    sg_submit_n(f, w, i) {
        let (method, name) = w.texts.method(i);
        let (params, limits) = (w.texts.params_n(name, i), limits(i));
        gives!(w, i, ops, false, |out| f(w.client(i), method, params.0, params.1, pointer(&limits), out));
    }
    sg_submit_raw(f, w, i) {
        let (method, params, limits) = (w.texts.method(i).0, w.texts.params("", i), limits(i));
        gives!(w, i, ops, false, |out| f(w.client(i), method, params, pointer(&limits), out));
    }
    sg_submit_raw_n(f, w, i) {
        let (method, params, limits) = (w.texts.method(i).0, w.texts.params_n("", i), limits(i));
        gives!(w, i, ops, false, |out| f(w.client(i), method, params.0, params.1, pointer(&limits), out));
    }

    // Without end: every operation comes to one, since the site does.
    sg_op_wait(f, w, i) { let got = f(w.op(i), i.pick(&[-1, 0, 1, 10, i64::MIN, i64::MAX])); w.check(got); }
    sg_op_is_done(f, w, i) { assert!(matches!(f(w.op(i)), 0 | 1)); }
    sg_op_cancel(f, w, i) { let got = f(w.op(i)); w.check(got); }
    sg_op_progress(f, w, i) {
        let (mut done, mut total) = (7, 7);
        let got = f(w.op(i), if i.one_in(8) { null_mut() } else { &mut done }, &mut total);
        let good = w.check(got);
        assert!(good || total == 0, "a failure gives nothing");
    }
    sg_op_take_result(f, w, i) { gives!(w, i, results, true, |out| f(w.op(i), out)); }
    sg_op_take_client(f, w, i) { gives!(w, i, clients, false, |out| f(w.op(i), out)); }
    sg_op_error(f, w, i) {
        let op = w.op(i);
        let error = f(op);
        assert!(error.is_null() || sg_op_is_done(op) == 1, "what goes on has not failed");
        assert!(error.is_null() || sg_error_status(error) != Status::Ok);
    }
    sg_op_free(f, w, i) { f(w.ops.take(i)); f(w.results.get(i).cast()); }
    sg_op_on_done(f, w, i) {
        let op = w.op(i);
        let watch = w.watch(By::Library);
        let function = (!i.one_in(16)).then_some(on_done as unsafe extern "C" fn(_, _));
        let got = f(op, function, watch.lend(), Some(finalize));
        if !w.check(got) { w.not_taken(&watch); }
    }

    sg_queue_new(f, w, i) { gives!(w, i, queues, false, |out| f(out)); }
    sg_queue_on_done(f, w, i) {
        let (queue, op) = (w.queue(i), w.op(i));
        let watch = w.watch(By::Queue);
        let function = (!i.one_in(16)).then_some(on_done as unsafe extern "C" fn(_, _));
        let got = f(queue, op, function, watch.lend(), Some(finalize));
        if !w.check(got) { w.not_taken(&watch); }
    }
    sg_queue_dispatch(f, w, i) {
        let queue = w.queue(i);
        let mut count = 7;
        let place = if i.one_in(8) { null_mut() } else { &raw mut count };
        let most = i.pick(&[0, 1, u32::MAX]);
        // Without end only where somebody has woken it.
        let wait = if i.one_in(4) && sg_queue_wake(queue) == Status::Ok { -1 } else { i.pick(&[0, 1, 5]) };
        let got = f(queue, most, wait, place);
        let good = w.check(got);
        assert!(good || place.is_null() || count == 0, "a failure gives nothing");
        assert!(place.is_null() || most == 0 || count <= most, "{count} callbacks, where {most} were asked for");
    }
    sg_queue_wake(f, w, i) { let got = f(w.queue(i)); w.check(got); }
    sg_queue_fd(f, w, i) {
        let queue = w.queue(i);
        let good = sg_queue_wake(queue) == Status::Ok;
        assert_eq!(f(queue) >= 0, good, "a queue that lives has a descriptor");
    }
    sg_queue_free(f, w, i) { f(w.queues.take(i)); f(w.clients.get(i).cast()); }

    sg_pages_open(f, w, i) {
        let params = w.texts.params("find", i);
        gives!(w, i, pages, false, |out| f(w.client(i), params, out));
    }
    sg_pages_next(f, w, i) { gives!(w, i, results, true, |out| f(w.page(i), out)); }
    sg_pages_submit_next(f, w, i) { gives!(w, i, ops, false, |out| f(w.page(i), out)); }
    sg_pages_free(f, w, i) { f(w.pages.take(i)); f(w.clients.get(i).cast()); }

    sg_events_open(f, w, i) {
        let options = w.texts.params("find", i);
        let options = if i.one_in(2) { c"{\"poll_min_ms\": 1, \"poll_max_ms\": 2, \"from\": {\"id\": 0}}".as_ptr() } else { options };
        gives!(w, i, feeds, false, |out| f(w.client(i), options, out));
    }
    sg_events_next(f, w, i) { gives!(w, i, results, false, |out| f(w.feed(i), i.pick(&[0, 1, 10]), out)); }
    // A feed without events never comes to an end by itself: it is cancelled at once.
    sg_events_submit_next(f, w, i) {
        let feed = w.feed(i);
        gives!(w, i, ops, false, |out| {
            let got = f(feed, out);
            if got == Status::Ok { sg_op_cancel(*out); }
            got
        });
    }
    sg_events_state(f, w, i) { gives!(w, i, results, false, |out| f(w.feed(i), out)); }
    sg_events_free(f, w, i) { f(w.feeds.take(i)); f(w.clients.get(i).cast()); }

    sg_result_json(f, w, i) {
        let result = w.result(i);
        let mut length = 7;
        let json = text(f(result, &mut length));
        assert_eq!(json.map_or(0, str::len), length);
        assert!(json.is_none_or(crate::json_oracle::is_json), "{json:?}");
    }
    sg_result_value(f, w, i) { let value = f(w.result(i)); assert!(value.is_null() || sg_value_get_type(value) != sg_value_type::None); }
    sg_result_free(f, w, i) { f(w.results.take(i)); f(w.ops.get(i).cast()); }

    sg_value_get_type(f, w, i) { f(w.value(i)); }
    sg_value_count(f, w, i) { let value = w.value(i); assert_eq!(f(value) == 0, sg_value_first(value).is_null()); }
    sg_value_get(f, w, i) { let value = w.value(i); f(value, w.texts.any(i)); }
    sg_value_get_n(f, w, i) {
        let value = w.value(i);
        let key = w.texts.any(i);
        let key = w.texts.span(key, i);
        f(value, key.0, key.1);
    }
    sg_value_at(f, w, i) { f(w.value(i), i.pick(&[0, 1, 2, 100, usize::MAX])); }
    sg_value_first(f, w, i) { f(w.value(i)); }
    sg_value_next(f, w, i) { f(w.value(i)); }
    sg_value_pointer(f, w, i) { let value = w.value(i); f(value, w.texts.any(i)); }
    sg_value_key(f, w, i) { let mut length = 7; let key = f(w.value(i), &mut length); assert!(!key.is_null() || length == 0); }
    sg_value_key_text(f, w, i) { same_text(f, sg_value_key, w.value(i)); }
    sg_value_string(f, w, i) { let mut length = 7; let found = f(w.value(i), &mut length); assert!(!found.is_null() || length == 0); }
    sg_value_text(f, w, i) { same_text(f, sg_value_string, w.value(i)); }
    sg_value_json(f, w, i) {
        let mut length = 7;
        let value = w.value(i);
        let json = f(value, &mut length);
        assert!(!json.is_null() || length == 0);
        assert!(f(value, null_mut()).is_null(), "there is nowhere to put the length");
    }
    sg_value_is_null(f, w, i) { assert!(matches!(f(w.value(i)), 0 | 1)); }
    sg_value_int64(f, w, i) { reads!(w, i, 7_i64, |out| f(w.value(i), out)); }
    sg_value_double(f, w, i) { reads!(w, i, 7.0_f64, |out| f(w.value(i), out)); }
    sg_value_bool(f, w, i) { reads!(w, i, 7_i32, |out| f(w.value(i), out)); }
    sg_value_time_ms(f, w, i) { reads!(w, i, 7_i64, |out| f(w.value(i), out)); }

    sg_last_error(f, _w, _i) { text(f()).expect("never NULL"); }
    sg_last_error_status(f, _w, _i) { assert_eq!(f() == Status::Ok, text(sg_last_error()) == Some("")); }
    sg_last_error_copy(f, _w, i) {
        let mut buffer = [0x55_u8; 64];
        let capacity = i.below(64);
        let place = if i.one_in(8) { null_mut() } else { buffer.as_mut_ptr().cast() };
        let length = f(place, capacity);
        assert_eq!(length, text(sg_last_error()).map_or(0, str::len));
        assert!(buffer[capacity..].iter().all(|byte| *byte == 0x55), "it wrote behind the buffer");
        if !place.is_null() && capacity > 0 {
            let copied = text(place).expect("it is not NULL");
            assert!(text(sg_last_error()).is_some_and(|whole| whole.starts_with(copied)));
        }
    }
    sg_error_take_last(f, w, _i) {
        let status = sg_last_error_status();
        let taken = f();
        assert_eq!(sg_error_status(taken), status);
        assert_eq!(sg_last_error_status(), Status::Ok, "the thread's record is empty now");
        w.errors.put(taken);
    }
    sg_error_free(f, w, i) { f(w.errors.take(i)); f(w.clients.get(i).cast()); }
    sg_error_status(f, w, i) { let status = f(w.error(i)); assert_ne!(status, Status::Internal); }
    sg_error_message(f, w, i) { without_secret(f(w.error(i))).expect("never NULL"); }
    sg_error_server_message(f, w, i) { without_secret(f(w.error(i))); }
    sg_error_server_code(f, w, i) { f(w.error(i)); }
    sg_error_http_status(f, w, i) { assert!((0..1000).contains(&f(w.error(i)))); }
    sg_error_is_retryable(f, w, i) {
        let error = w.error(i);
        assert!(f(error) == 0 || sg_error_may_have_applied(error) == 0, "what may have been done must not be tried again");
    }
    sg_error_retry_after_ms(f, w, i) { assert!(f(w.error(i)) >= -1); }
    sg_error_may_have_applied(f, w, i) { assert!(matches!(f(w.error(i)), 0 | 1)); }
    sg_error_batch_index(f, w, i) { assert!(f(w.error(i)) >= -1); }
    sg_error_attachment_id(f, w, i) { f(w.error(i)); }
    sg_error_operation(f, w, i) { refusals_only(w.error(i), |error| without_secret(f(error)).is_some()); }
    sg_error_entity_type(f, w, i) { refusals_only(w.error(i), |error| without_secret(f(error)).is_some()); }
    sg_error_entity_id(f, w, i) { refusals_only(w.error(i), |error| f(error) != 0); }
    sg_error_field(f, w, i) { refusals_only(w.error(i), |error| without_secret(f(error)).is_some()); }
    sg_error_role(f, w, i) { refusals_only(w.error(i), |error| without_secret(f(error)).is_some()); }
    sg_error_rule_id(f, w, i) { refusals_only(w.error(i), |error| f(error) != 0); }
    sg_error_rule_text(f, w, i) { refusals_only(w.error(i), |error| without_secret(f(error)).is_some()); }

    sg_log_set(f, w, i) {
        if i.one_in(4) {
            let got = f(None, i.pick(&[1, 0, 9]), null_mut(), None);
            w.check(got);
        } else {
            let watch = w.watch(By::Log);
            let got = f(Some(on_log), i.pick(&[4, 1, 2, 3, 0, 5, i32::MIN]), watch.lend(), Some(finalize));
            if !w.check(got) { w.not_taken(&watch); }
        }
    }
    sg_runtime_shutdown(f, w, i) {
        // Threads are costly, so that this is done now and then only.
        if i.one_in(8) {
            w.shut_down = true;
            let got = f(i.pick(&[5_000, 0, 1]));
            w.check(got);
        }
    }
}

/// A status that is one, or is none.
fn code(i: &mut Input<'_>) -> i32 {
    i32::from(i.byte()) | (i32::from(i.byte()) << 8) | (i32::from(i.byte() & 1) << 31)
}

type GivesText = unsafe extern "C" fn(*const sg_value, *mut usize) -> *const c_char;

/// Two functions give the same text of a value, or none, and the first needs its length.
fn same_text(f: GivesText, terminated: GivesText, value: *const sg_value) {
    let given = |f: GivesText| {
        let mut length = 7;
        // SAFETY: a cursor of a result that lives, or what the library must see to be none; the text lives as long as the result.
        let text = unsafe { f(value, &mut length) };
        assert!(!text.is_null() || length == 0);
        // SAFETY: as above.
        (!text.is_null()).then(|| unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) })
    };
    assert_eq!(given(f), given(terminated));
    // SAFETY: as above.
    assert!(unsafe { f(value, null_mut()) }.is_null(), "there is nowhere to put the length");
}

/// Text as C reads it; `None` for NULL.
fn text<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: it is NULL or ends with NUL, and lives until the thread's next call at least.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().expect("texts are UTF-8"))
}

fn without_secret<'a>(given: *const c_char) -> Option<&'a str> {
    let text = text(given);
    assert!(text.is_none_or(|text| !text.contains(SECRET)), "{text:?}");
    text
}

/// Only refusals tell what they forbid.
fn refusals_only(error: *const sg_error, tells: impl FnOnce(*const sg_error) -> bool) {
    // SAFETY: a record that lives, NULL, or no record.
    let status = unsafe { sg_error_status(error) };
    assert!(!tells(error) || status == Status::Permission, "{status:?} is no refusal");
}

/// Limits of a call, with as much memory as their size says.
fn limits(i: &mut Input<'_>) -> Option<Box<[u32; 64]>> {
    if i.byte() & 1 == 0 {
        return None;
    }
    let mut memory = Box::new([0; 64]);
    memory[0] = i.pick(&[12, 0, 3, 4, 8, 16, 256, 100_000]);
    memory[1] = i.pick(&[0, 1, 10_000, u32::MAX]);
    memory[2] = i.pick(&[0, 1, 2, u32::MAX]);
    memory[3] = u32::from(i.one_in(16));
    Some(memory)
}

fn pointer(limits: &Option<Box<[u32; 64]>>) -> *const sg_call_options {
    limits.as_ref().map_or(null(), |memory| memory.as_ptr().cast())
}
