//! The site: everything that a call needs, in one place.

use std::time::Duration;

use crate::auth::app_sessions;
use crate::fault::Fault;
use crate::schema::Schema;

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

impl Site {
    /// Makes data, sessions, schema and files what they were when the site started. Faults and the request log stay.
    pub(crate) fn put_back(&self) -> Result<(), Fault> {
        self.store.put_back(|connection| {
            let schema = Schema::built_in().map_err(|error| Fault::argument(error.to_string()))?;
            self.schema.replace(schema.with_alterations(connection)?);
            Ok(())
        })?;
        app_sessions::forget(self);
        self.media.forget_all().map_err(Fault::store)
    }
}
