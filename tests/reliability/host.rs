//! The host: calls through the C functions, and what it was told.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use shotgrid_sandbox::Sandbox;

use super::support::{LONG, c, good, maybe, read};

/// A client, freed when it is dropped. Threads share it as hosts do.
pub struct Host {
    client: *mut sg_client,
    /// Where callbacks wait for a thread of the host, whichever looks first.
    queue: *mut sg_queue,
    /// The limit of each call, where it is another than the client's.
    limit: Option<Duration>,
}

// The header says that a client and a queue may be used by any number of threads.
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

impl Drop for Host {
    fn drop(&mut self) {
        unsafe {
            let mut count = 1;
            good(sg_queue_dispatch(self.queue, 0, 0, &mut count));
            assert!(count == 0 || std::thread::panicking(), "the queue told of an operation twice");
            sg_queue_free(self.queue);
            sg_client_free(self.client);
        }
    }
}

/// What the host is told of a call.
#[derive(Clone, Debug)]
pub struct Told {
    pub status: Status,
    pub message: String,
    pub http_status: i32,
    pub retryable: bool,
    /// −1 where the site asked for none.
    pub retry_after_ms: i64,
    pub may_have_applied: bool,
    /// The result as JSON; empty where there is none.
    pub answer: String,
    pub took: Duration,
}

impl Told {
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    fn answered(json: &str, took: Duration) -> Told {
        Told {
            status: Status::Ok,
            message: String::new(),
            http_status: 0,
            retryable: false,
            retry_after_ms: -1,
            may_have_applied: false,
            answer: json.to_owned(),
            took,
        }
    }

    unsafe fn failed(error: *const sg_error, took: Duration) -> Told {
        unsafe {
            Told {
                status: sg_error_status(error),
                message: maybe(sg_error_message(error)).unwrap_or_default().to_owned(),
                http_status: sg_error_http_status(error),
                retryable: sg_error_is_retryable(error) != 0,
                retry_after_ms: sg_error_retry_after_ms(error),
                may_have_applied: sg_error_may_have_applied(error) != 0,
                answer: String::new(),
                took,
            }
        }
    }
}

/// How a host makes its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It waits in the call.
    Waits,
    /// It is called back when the operation is done, on a thread of the library.
    CalledBack,
    /// It is called back by a queue, on a thread of its own.
    Queued,
}

impl Manner {
    pub const ALL: [Manner; 3] = [Manner::Waits, Manner::CalledBack, Manner::Queued];
}

/// How often a read, or a write of which nothing has left, is tried in all.
pub const ATTEMPTS: u32 = 2;

impl Host {
    /// Signs in to `url` as the script of `site`. `verified`: with a first exchange.
    pub fn new(url: &str, site: &Sandbox, limit: Duration, verified: bool) -> Host {
        let (mut client, mut queue) = (null_mut(), null_mut());
        unsafe {
            good(sg_queue_new(&mut queue));
            let options = sg_options_new();
            good(sg_options_set_verify_on_connect(options, i32::from(verified)));
            good(sg_options_set_allow_insecure_http(options, 1));
            good(sg_options_set_no_proxy(options, 1));
            good(sg_options_set_max_attempts(options, ATTEMPTS));
            good(sg_options_set_timeout_ms(options, u32::try_from(limit.as_millis()).unwrap()));
            let script = site.script();
            let (url, name, key) = (c(url), c(&script.name), c(&script.api_key));
            good(sg_connect_script(url.as_ptr(), name.as_ptr(), key.as_ptr(), options, &mut client));
            sg_options_free(options);
        }
        Host {
            client,
            queue,
            limit: None,
        }
    }

    /// The same client, whose calls from now on have another limit.
    pub fn limited(mut self, limit: Duration) -> Host {
        self.limit = Some(limit);
        self
    }

    /// Straight to the site, with all the time in the world.
    pub fn at(site: &Sandbox) -> Host {
        Host::new(site.url(), site, LONG * 3, true)
    }

    pub fn call(&self, manner: Manner, method: &str, params: &str) -> Told {
        let start = Instant::now();
        match manner {
            Manner::Waits if self.limit.is_none() => self.waits(method, params, start),
            _ => self.submits(manner, method, params, start),
        }
    }

    /// A call that must succeed: its result.
    pub fn must(&self, method: &str, params: &str) -> serde_json::Value {
        let told = self.call(Manner::Waits, method, params);
        assert!(told.is_ok(), "{method} {params}: {}", told.message);
        serde_json::from_str(&told.answer).unwrap()
    }

    fn waits(&self, method: &str, params: &str, start: Instant) -> Told {
        unsafe {
            let mut result = null_mut();
            let status = sg_call(self.client, c(method).as_ptr(), c(params).as_ptr(), &mut result);
            if status != Status::Ok {
                let took = start.elapsed();
                let error = sg_error_take_last();
                let told = Told::failed(error, took);
                sg_error_free(error);
                assert!(result.is_null() && told.status == status, "{told:?}");
                return told;
            }
            let told = Told::answered(read(sg_result_json(result, null_mut())), start.elapsed());
            sg_result_free(result);
            told
        }
    }

    /// Of which operation the host is told. Where it looks into the queue itself, it may tell other threads of theirs.
    fn told(&self, manner: Manner, told: &mpsc::Receiver<usize>) -> usize {
        let end = Instant::now() + LONG * 6;
        while manner == Manner::Queued && Instant::now() < end {
            if let Ok(called) = told.try_recv() {
                return called;
            }
            good(unsafe { sg_queue_dispatch(self.queue, 0, 20, null_mut()) });
        }
        let left = end.saturating_duration_since(Instant::now());
        told.recv_timeout(left).expect("an operation was never reported")
    }

    fn submits(&self, manner: Manner, method: &str, params: &str, start: Instant) -> Told {
        unsafe extern "C" fn done(op: *mut sg_op, user_data: *mut c_void) {
            let tell = unsafe { &*user_data.cast::<mpsc::Sender<usize>>() };
            let _ = tell.send(op as usize);
        }
        unsafe extern "C" fn finalize(user_data: *mut c_void) {
            drop(unsafe { Box::from_raw(user_data.cast::<mpsc::Sender<usize>>()) });
        }
        unsafe {
            let (tell, told) = mpsc::channel::<usize>();
            let mut op = null_mut();
            let options = sg_call_options {
                struct_size: u32::try_from(size_of::<sg_call_options>()).unwrap(),
                timeout_ms: self.limit.map_or(0, |limit| u32::try_from(limit.as_millis()).unwrap()),
                max_attempts: 0,
            };
            good(sg_submit(self.client, c(method).as_ptr(), c(params).as_ptr(), &options, &mut op));
            if manner == Manner::Waits {
                good(sg_op_wait(op, -1));
            }
            let user_data = Box::into_raw(Box::new(tell)).cast();
            match manner {
                Manner::Queued => good(sg_queue_on_done(self.queue, op, Some(done), user_data, Some(finalize))),
                _ => good(sg_op_on_done(op, Some(done), user_data, Some(finalize))),
            }
            let called = self.told(manner, &told);
            let took = start.elapsed();
            assert_eq!(called, op as usize);
            // The finalizer drops the sender behind the one callback.
            assert_eq!(
                told.recv_timeout(LONG),
                Err(RecvTimeoutError::Disconnected),
                "two callbacks, or no finalizer"
            );
            let error = sg_op_error(op);
            let told = if error.is_null() {
                let mut result = null_mut();
                good(sg_op_take_result(op, &mut result));
                let told = Told::answered(read(sg_result_json(result, null_mut())), took);
                sg_result_free(result);
                told
            } else {
                Told::failed(error, took)
            };
            sg_op_free(op);
            told
        }
    }
}
