//! Answers, and Telegram's own words for what is wrong.

use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) description: String,
    /// The field of `parameters`, and its value.
    pub(crate) parameter: Option<(&'static str, i64)>,
}

impl Refusal {
    pub(crate) fn new(code: u16, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
            parameter: None,
        }
    }

    pub(crate) fn bad(description: &str) -> Self {
        Self::new(400, format!("Bad Request: {description}"))
    }

    pub(crate) fn too_many(seconds: u32) -> Self {
        Self {
            parameter: Some(("retry_after", i64::from(seconds))),
            ..Self::new(429, format!("Too Many Requests: retry after {seconds}"))
        }
    }

    pub(crate) fn moved(to: i64) -> Self {
        Self {
            parameter: Some(("migrate_to_chat_id", to)),
            ..Self::bad("group chat was upgraded to a supergroup chat")
        }
    }

    pub(crate) fn not_modified() -> Self {
        Self::bad(
            "message is not modified: specified new message content and reply markup are exactly \
             the same as a current content and reply markup of the message",
        )
    }

    pub(crate) fn conflict(other: bool) -> Self {
        let why = match other {
            true => {
                "terminated by other getUpdates request; make sure that only one bot instance is running"
            }
            false => {
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            }
        };
        Self::new(409, format!("Conflict: {why}"))
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "ok": false, "error_code": self.code, "description": self.description,
        });
        if let Some((name, value)) = self.parameter {
            body["parameters"] = json!({ name: value });
        }
        body
    }
}
