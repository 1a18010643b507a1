//! Small structures that callers fill. Each begins with its size and only ever grows at its end.
#![allow(unsafe_code)]

use std::time::Duration;

use crate::client::{Client, Error, Result, Stats, Status};

/// The limits of one call. Begin with SG_CALL_OPTIONS_INIT, which leaves everything as the client has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sg_call_options {
    /// sizeof(sg_call_options), by which the library knows what the caller's header knew.
    pub struct_size: u32,
    /// As sg_options_set_timeout_ms(), for this call: files are limited by standing still. 0: the client's own limit.
    pub timeout_ms: u32,
    /// As sg_options_set_max_attempts(), for this call; 0: the client's own number.
    pub max_attempts: u32,
}

impl sg_call_options {
    const NONE: sg_call_options = sg_call_options {
        struct_size: size_of::<sg_call_options>() as u32,
        timeout_ms: 0,
        max_attempts: 0,
    };

    /// # Safety
    /// `given` is NULL, or points at as many bytes as its first member says.
    pub(super) unsafe fn read(given: *const sg_call_options) -> Result<sg_call_options> {
        if given.is_null() {
            return Ok(Self::NONE);
        }
        if !given.is_aligned() {
            return Err(Error::invalid_argument("options are not aligned as a sg_call_options is"));
        }
        // SAFETY: the first member is there by the caller's promise.
        let size = unsafe { (*given).struct_size } as usize;
        if size < size_of::<u32>() || size > 4096 {
            return Err(Error::invalid_argument(format!(
                "options.struct_size is {size}; begin with SG_CALL_OPTIONS_INIT"
            )));
        }
        // SAFETY: the caller promises that many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(given.cast::<u8>(), size) };
        let known = size_of::<sg_call_options>();
        if bytes.get(known..).unwrap_or_default().iter().any(|byte| *byte != 0) {
            let what = "options have members of a later version that this version of the library does not know";
            return Err(Error::new(Status::Unsupported, what));
        }
        let word = |place: usize| {
            let word = bytes.get(place..place + 4).and_then(|word| word.try_into().ok());
            word.map_or(0, u32::from_ne_bytes)
        };
        Ok(sg_call_options {
            timeout_ms: word(std::mem::offset_of!(sg_call_options, timeout_ms)),
            max_attempts: word(std::mem::offset_of!(sg_call_options, max_attempts)),
            ..Self::NONE
        })
    }

    /// The client with these limits.
    pub(super) fn limit(&self, client: Client) -> Client {
        let client = match self.timeout_ms {
            0 => client,
            limit => client.with_timeout(Some(Duration::from_millis(u64::from(limit)))),
        };
        match self.max_attempts {
            0 => client,
            most => client.with_max_attempts(most),
        }
    }
}

/// What a client has done since it began to connect, by itself and for operations. Begin with SG_STATS_INIT.
///
/// The counters are read one by one while others go on: each is right, and together they are nearly of one moment.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sg_stats {
    /// sizeof(sg_stats), by which the library knows what the caller's header knew.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// Calls, ended and under way. Connecting is one.
    pub calls: u64,
    /// Those that failed, cancelled ones among them.
    pub calls_failed: u64,
    /// Those that are under way.
    pub calls_running: u64,
    /// Requests that were sent for them.
    pub requests: u64,
    /// Those that were sent because an earlier one had failed.
    pub retries: u64,
    /// Bytes of request bodies, files among them.
    pub bytes_sent: u64,
    /// Bytes of reply bodies, after decompression.
    pub bytes_received: u64,
    /// Requests that the recording of sg_options_set_record() lacks, because it could not be written.
    pub unrecorded: u64,
}

impl sg_stats {
    /// Fills as many members as the caller knows, and none where that is no size of this structure.
    ///
    /// # Safety
    /// `out` is NULL, or points at as many bytes as its first member says, which nobody else uses meanwhile.
    pub(super) unsafe fn fill(out: *mut sg_stats, stats: Stats) -> Result<()> {
        if out.is_null() || !out.is_aligned() {
            return Err(Error::invalid_argument("out is NULL or not aligned as a sg_stats is"));
        }
        // SAFETY: the first member is there by the caller's promise.
        let size = unsafe { (*out).struct_size };
        let known = size as usize;
        if known < std::mem::offset_of!(sg_stats, calls) || known > 4096 {
            return Err(Error::invalid_argument(format!(
                "out.struct_size is {size}; begin with SG_STATS_INIT"
            )));
        }
        let filled = sg_stats {
            struct_size: size,
            reserved: 0,
            calls: stats.calls,
            calls_failed: stats.calls_failed,
            calls_running: stats.calls_running,
            requests: stats.requests,
            retries: stats.retries,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            unrecorded: stats.unrecorded,
        };
        // SAFETY: both have at least that many bytes, which do not overlap; the structure has no padding.
        unsafe {
            let bytes = std::ptr::from_ref(&filled).cast::<u8>();
            out.cast::<u8>().copy_from_nonoverlapping(bytes, known.min(size_of::<sg_stats>()));
        }
        Ok(())
    }
}
