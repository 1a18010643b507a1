//! The site and the session themselves.

use super::{Method, Run};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "info",
        summary: "Tells what the site says about itself: version and features.",
        params: &[],
        run: Run::Info,
    },
    Method {
        name: "get_session_token",
        summary: "Gives the token of this client's session, opening one where there is none.",
        params: &[],
        run: Run::SessionToken,
    },
];
