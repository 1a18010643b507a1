//! Who is calling.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::media::links::Links;
use crate::roles::rules::Role;

/// A person or a script, authenticated, with the role that holds for the call.
#[derive(Clone)]
pub(crate) struct Caller {
    /// `HumanUser` or `ApiUser`: whom the event log and `created_by` name.
    pub(crate) entity_type: String,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) role: Arc<Role>,
    /// Who really calls, when it is on behalf of the person above.
    pub(crate) sudo_actual_user: Option<(String, i64)>,
    /// False for a script whose "Generate Events" is off.
    pub(crate) logs_events: bool,
    /// False for a script on a site whose people are made and made active by Autodesk Identity alone.
    pub(crate) activates_people: bool,
    /// As the client sent it in its auth parameters.
    pub(crate) session_uuid: Option<String>,
    /// Makes the URLs of files whole in what this caller is answered.
    pub(crate) links: Option<Arc<Links>>,
}

impl Caller {
    /// The site itself, as it writes its seed: everything is allowed, nothing is logged.
    pub(crate) fn site() -> Self {
        Self {
            entity_type: "ApiUser".to_owned(),
            id: 0,
            name: "Site".to_owned(),
            role: Arc::new(Role::unrestricted()),
            sudo_actual_user: None,
            logs_events: false,
            activates_people: true,
            session_uuid: None,
            links: None,
        }
    }

    /// The caller's id if it is of this type, else an id that no row has.
    pub(crate) fn id_as(&self, entity_type: &str) -> i64 {
        if self.entity_type == entity_type { self.id } else { 0 }
    }

    /// Type and id of the caller; none for the site itself.
    pub(crate) fn link(&self) -> Option<(String, i64)> {
        (self.id != 0).then(|| (self.entity_type.clone(), self.id))
    }

    /// Whether what this caller does is written to the event log. Work on behalf of a person always is.
    pub(crate) fn leaves_events(&self) -> bool {
        self.logs_events || self.sudo_actual_user.is_some()
    }

    /// `meta.sudo_actual_user`.
    pub(crate) fn sudo_meta(&self) -> Option<Value> {
        self.sudo_actual_user
            .as_ref()
            .map(|(entity_type, id)| json!({"type": entity_type, "id": id}))
    }
}
