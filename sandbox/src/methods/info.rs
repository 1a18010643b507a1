//! `info`: what kind of site this is. It needs no authentication.

use serde_json::{Value, json};

use super::read::DEFAULT_PAGE_SIZE;
use crate::site::Site;

pub(super) fn answer(site: &Site) -> Value {
    let settings = site.auth.settings();
    let direct = site.media.direct_uploads;
    let types = if direct { json!({"*": "*"}) } else { json!({}) };
    json!({
        "version": [8, 60, 0],
        "full_version": [8, 60, 0, 0],
        "user_authentication_method": settings.method.announced(),
        "unified_login_flow_enabled": false,
        "authentication_app_session_launcher_enabled": settings.app_session_launcher,
        "api_max_entities_per_page": DEFAULT_PAGE_SIZE,
        "s3_uploads_enabled": direct,
        "s3_direct_uploads_enabled": direct,
        "s3_enabled_upload_types": types,
    })
}
