//! A job as both ends of the hook see it.

use serde_json::{Map, Value};

use crate::bindings::sortie::host::job_types::View;
use crate::date::rfc_3339;

/// The longest text for people, in bytes. JSON writes some bytes as six, and an
/// answer has at most 64 KiB.
pub(crate) const MAX_DETAIL_BYTES: usize = 8 << 10;

/// The beginning of a text, ending between two characters.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

/// The JSON of a job. What there is nothing to say about is left out.
pub(crate) fn job(job: View) -> Value {
    let mut fields = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(key.into(), value);
        }
    };
    set("id", Some(job.id.into()));
    set("project", Some(job.project.into()));
    set("state", Some(job.state.into()));
    set("is_final", Some(job.is_final.into()));
    set("title", Some(job.title.into()));
    set("requested_by", Some(job.requested_by.into()));
    set("branch", job.branch.map(Value::from));
    set("asked_commit", job.asked_commit.map(Value::from));
    let detail = job.detail.as_deref();
    set(
        "detail",
        detail.map(|text| cut(text, MAX_DETAIL_BYTES).into()),
    );
    set("created_at", Some(rfc_3339(job.created_at_ms).into()));
    set("updated_at", Some(rfc_3339(job.updated_at_ms).into()));
    Value::Object(fields)
}
