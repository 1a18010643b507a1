//! Status codes: the one list that every layer and the C header share.

/// What a call came to.
///
/// The low 8 bits are the class, the next 8 a detail: `SG_STATUS_CLASS(status)` gives the class. Numbers are fixed
/// and never reused; a later version may add classes and details, so compare classes and treat an unknown
/// detail as its class.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The call did what was asked.
    Ok = 0,
    /// An argument is NULL, not UTF-8, broken JSON, an unknown method or parameter, or out of range. The message
    /// says which one and what is allowed. Nothing was sent.
    InvalidArgument = 1,
    /// The handle is in no state for this: consumed, shut down.
    InvalidState = 2,
    /// A call that waits was made inside one of the library's own callbacks or threads, where it would never end.
    InvalidStateReentrant = 0x0102,
    /// The handle was made in the parent process of a fork. Make a new one in this process.
    Forked = 3,
    /// A defect in the library: a caught panic or a broken invariant. The message says where.
    Internal = 4,
    /// The site is too old for this call. The message names the version it needs.
    Unsupported = 6,
    /// The call was cancelled, by the host or by a shutdown.
    Cancelled = 7,
    /// A time limit passed.
    Timeout = 8,
    /// The connection was not made within the connect limit.
    TimeoutConnect = 0x0108,
    /// The whole call took longer than its limit.
    TimeoutTotal = 0x0208,
    /// The wait ended; the operation itself goes on.
    TimeoutWait = 0x0308,
    /// The network failed.
    Network = 16,
    /// The site's name has no address.
    NetworkDns = 0x0110,
    /// Nobody answers at that address and port, or it cannot be reached.
    NetworkConnect = 0x0210,
    /// The connection was dropped before the whole reply had come.
    NetworkReset = 0x0310,
    /// The proxy failed or refused.
    NetworkProxy = 0x0410,
    /// The secure connection could not be made.
    Tls = 17,
    /// The site's certificate is signed by nobody in the trust store.
    TlsUntrusted = 0x0111,
    /// The site's certificate is expired or not valid yet.
    TlsExpired = 0x0211,
    /// The site's certificate is for another host name.
    TlsHostName = 0x0311,
    /// There is no trust store to check against. Name a CA file.
    TlsNoRoots = 0x0411,
    /// The reply is not what the API promises: a web page, truncated or broken JSON, a wrong shape.
    Protocol = 18,
    /// The reply is larger than the limit set.
    ProtocolTooLarge = 0x0112,
    /// Who are you: the site does not accept the credentials.
    Auth = 32,
    /// Wrong login, password, script name or application key.
    AuthCredentials = 0x0120,
    /// The session has ended and could not be renewed. Sign in again.
    AuthSessionExpired = 0x0220,
    /// A second factor is needed, or the one given is wrong (code 106).
    AuthTwoFactor = 0x0320,
    /// The site signs people in by single sign-on and refuses passwords (code 108).
    AuthSso = 0x0420,
    /// The site signs people in by Autodesk Identity and refuses this password (code 110).
    AuthIdentity = 0x0520,
    /// The person to act for cannot be acted for: unknown, retired, inactive, or opted out.
    AuthSudoTarget = 0x0620,
    /// The site does not let this client use its API at all (HTTP 401 or 403).
    AuthBlocked = 0x0720,
    /// The site offers no sign-in by the browser. Sign in with a login and password, or as a script.
    AuthSignInOff = 0x0820,
    /// The person rejected the sign-in in the browser, or it was collected elsewhere.
    AuthSignInRejected = 0x0920,
    /// Nobody approved the sign-in in the browser in time. Begin another one.
    AuthSignInExpired = 0x0a20,
    /// The sign-in may have been approved, but the reply that carried the session was lost, and it is given once. Begin
    /// another one.
    AuthSignInLost = 0x0b20,
    /// You may not: the permission role forbids it. Nothing was written.
    Permission = 33,
    /// There is no such row or page.
    NotFound = 34,
    /// A value that must be unique is taken.
    Conflict = 35,
    /// The site refuses the data or the arguments.
    Rejected = 36,
    /// Too many requests; wait for as long as the error record says.
    RateLimited = 37,
    /// Any other fault of the site.
    ServerFault = 48,
    /// The site is down for maintenance or too busy (502, 503, 504).
    Unavailable = 49,
    /// A local file could not be read or written.
    Io = 64,
    /// The recording to replay is none, of another version, or broken. The message names the line.
    Recording = 65,
    /// The recording that is replayed holds no such request, or fewer of them. The message says what was asked, and where
    /// the nearest one differs. Nothing was sent.
    RecordingNoMatch = 0x0141,
}

impl Status {
    /// Every status, in the order of the numbers' classes.
    pub const ALL: &'static [Status] = &[
        Status::Ok,
        Status::InvalidArgument,
        Status::InvalidState,
        Status::InvalidStateReentrant,
        Status::Forked,
        Status::Internal,
        Status::Unsupported,
        Status::Cancelled,
        Status::Timeout,
        Status::TimeoutConnect,
        Status::TimeoutTotal,
        Status::TimeoutWait,
        Status::Network,
        Status::NetworkDns,
        Status::NetworkConnect,
        Status::NetworkReset,
        Status::NetworkProxy,
        Status::Tls,
        Status::TlsUntrusted,
        Status::TlsExpired,
        Status::TlsHostName,
        Status::TlsNoRoots,
        Status::Protocol,
        Status::ProtocolTooLarge,
        Status::Auth,
        Status::AuthCredentials,
        Status::AuthSessionExpired,
        Status::AuthTwoFactor,
        Status::AuthSso,
        Status::AuthIdentity,
        Status::AuthSudoTarget,
        Status::AuthBlocked,
        Status::AuthSignInOff,
        Status::AuthSignInRejected,
        Status::AuthSignInExpired,
        Status::AuthSignInLost,
        Status::Permission,
        Status::NotFound,
        Status::Conflict,
        Status::Rejected,
        Status::RateLimited,
        Status::ServerFault,
        Status::Unavailable,
        Status::Io,
        Status::Recording,
        Status::RecordingNoMatch,
    ];

    /// The number that crosses the ABI.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The class: the low 8 bits.
    pub const fn class(self) -> i32 {
        self as i32 & 0xff
    }

    /// The status with this number; an unknown detail falls back to its class. `None` for an unknown class.
    pub fn from_code(code: i32) -> Option<Status> {
        let find = |wanted: i32| Status::ALL.iter().copied().find(|status| status.code() == wanted);
        find(code).or_else(|| find(code & 0xff))
    }

    /// The name as a C program writes it without the `SG_STATUS_` prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::InvalidArgument => "INVALID_ARGUMENT",
            Status::InvalidState => "INVALID_STATE",
            Status::InvalidStateReentrant => "INVALID_STATE_REENTRANT",
            Status::Forked => "FORKED",
            Status::Internal => "INTERNAL",
            Status::Unsupported => "UNSUPPORTED",
            Status::Cancelled => "CANCELLED",
            Status::Timeout => "TIMEOUT",
            Status::TimeoutConnect => "TIMEOUT_CONNECT",
            Status::TimeoutTotal => "TIMEOUT_TOTAL",
            Status::TimeoutWait => "TIMEOUT_WAIT",
            Status::Network => "NETWORK",
            Status::NetworkDns => "NETWORK_DNS",
            Status::NetworkConnect => "NETWORK_CONNECT",
            Status::NetworkReset => "NETWORK_RESET",
            Status::NetworkProxy => "NETWORK_PROXY",
            Status::Tls => "TLS",
            Status::TlsUntrusted => "TLS_UNTRUSTED",
            Status::TlsExpired => "TLS_EXPIRED",
            Status::TlsHostName => "TLS_HOST_NAME",
            Status::TlsNoRoots => "TLS_NO_ROOTS",
            Status::Protocol => "PROTOCOL",
            Status::ProtocolTooLarge => "PROTOCOL_TOO_LARGE",
            Status::Auth => "AUTH",
            Status::AuthCredentials => "AUTH_CREDENTIALS",
            Status::AuthSessionExpired => "AUTH_SESSION_EXPIRED",
            Status::AuthTwoFactor => "AUTH_TWO_FACTOR",
            Status::AuthSso => "AUTH_SSO",
            Status::AuthIdentity => "AUTH_IDENTITY",
            Status::AuthSudoTarget => "AUTH_SUDO_TARGET",
            Status::AuthBlocked => "AUTH_BLOCKED",
            Status::AuthSignInOff => "AUTH_SIGN_IN_OFF",
            Status::AuthSignInRejected => "AUTH_SIGN_IN_REJECTED",
            Status::AuthSignInExpired => "AUTH_SIGN_IN_EXPIRED",
            Status::AuthSignInLost => "AUTH_SIGN_IN_LOST",
            Status::Permission => "PERMISSION",
            Status::NotFound => "NOT_FOUND",
            Status::Conflict => "CONFLICT",
            Status::Rejected => "REJECTED",
            Status::RateLimited => "RATE_LIMITED",
            Status::ServerFault => "SERVER_FAULT",
            Status::Unavailable => "UNAVAILABLE",
            Status::Io => "IO",
            Status::Recording => "RECORDING",
            Status::RecordingNoMatch => "RECORDING_NO_MATCH",
        }
    }

    /// One sentence for a person.
    pub const fn describe(self) -> &'static str {
        match self {
            Status::Ok => "The call did what was asked.",
            Status::InvalidArgument => "An argument is not what the function takes; nothing was sent.",
            Status::InvalidState => "The handle is in no state for this call.",
            Status::InvalidStateReentrant => "A waiting call was made where it would never end.",
            Status::Forked => "The handle was made in the parent process; make a new one in this process.",
            Status::Internal => "The library has a defect; the message says where.",
            Status::Unsupported => "The site is too old for this call.",
            Status::Cancelled => "The call was cancelled.",
            Status::Timeout => "A time limit passed.",
            Status::TimeoutConnect => "The connection was not made in time.",
            Status::TimeoutTotal => "The whole call took longer than its limit.",
            Status::TimeoutWait => "The wait ended; the operation goes on.",
            Status::Network => "The network failed.",
            Status::NetworkDns => "The site's name has no address.",
            Status::NetworkConnect => "The site cannot be reached at that address and port.",
            Status::NetworkReset => "The connection was dropped before the whole reply had come.",
            Status::NetworkProxy => "The proxy failed or refused.",
            Status::Tls => "The secure connection could not be made.",
            Status::TlsUntrusted => "The site's certificate is signed by nobody that is trusted here.",
            Status::TlsExpired => "The site's certificate is expired or not valid yet.",
            Status::TlsHostName => "The site's certificate is for another host name.",
            Status::TlsNoRoots => "There are no trusted certificates to check the site against.",
            Status::Protocol => "The reply is not what the API promises.",
            Status::ProtocolTooLarge => "The reply is larger than the limit set.",
            Status::Auth => "The site does not accept the credentials.",
            Status::AuthCredentials => "Wrong login, password, script name or application key.",
            Status::AuthSessionExpired => "The session has ended; sign in again.",
            Status::AuthTwoFactor => "A second factor is needed, or the one given is wrong.",
            Status::AuthSso => "The site signs people in by single sign-on and refuses passwords.",
            Status::AuthIdentity => "The site signs people in by Autodesk Identity and refuses this password.",
            Status::AuthSudoTarget => "The person to act for cannot be acted for.",
            Status::AuthBlocked => "The site does not let this client use its API.",
            Status::AuthSignInOff => "The site offers no sign-in by the browser.",
            Status::AuthSignInRejected => "The sign-in was rejected in the browser.",
            Status::AuthSignInExpired => "Nobody approved the sign-in in the browser in time; begin another one.",
            Status::AuthSignInLost => "The reply with the session was lost; begin another sign-in.",
            Status::Permission => "The permission role forbids it; nothing was written.",
            Status::NotFound => "There is no such row or page.",
            Status::Conflict => "A value that must be unique is taken.",
            Status::Rejected => "The site refuses the data or the arguments.",
            Status::RateLimited => "Too many requests; wait before the next one.",
            Status::ServerFault => "The site reported a fault.",
            Status::Unavailable => "The site is down for maintenance or too busy.",
            Status::Io => "A local file could not be read or written.",
            Status::Recording => "The recording cannot be replayed.",
            Status::RecordingNoMatch => "The recording holds no such request.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_details_keep_their_class() {
        for (index, status) in Status::ALL.iter().enumerate() {
            assert_eq!(Status::from_code(status.code()), Some(*status));
            assert!(Status::ALL[..index].iter().all(|other| other.code() != status.code()));
            let class = Status::from_code(status.class()).unwrap();
            assert!(
                status.name().starts_with(class.name()),
                "{} is not of class {}",
                status.name(),
                class.name()
            );
        }
    }

    #[test]
    fn unknown_detail_falls_back_to_its_class() {
        assert_eq!(Status::from_code(0x7f20), Some(Status::Auth));
        assert_eq!(Status::from_code(0x5f), None);
    }
}
