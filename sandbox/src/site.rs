//! The site: everything that a call needs, in one place.

use std::time::Duration;

use crate::auth::settings::Auth;
use crate::front::Front;
use crate::media::Media;
use crate::mishaps::Mishaps;
use crate::requests::RequestLog;
use crate::roles::Roles;
use crate::schema::live::LiveSchema;
use crate::store::Store;

pub(crate) struct Site {
    pub(crate) schema: LiveSchema,
    pub(crate) store: Store,
    pub(crate) roles: Roles,
    pub(crate) auth: Auth,
    pub(crate) media: Media,
    pub(crate) requests: RequestLog,
    pub(crate) mishaps: Mishaps,
    /// How long a client may pause while it sends a request.
    pub(crate) patience: Duration,
    pub(crate) front: Front,
}
