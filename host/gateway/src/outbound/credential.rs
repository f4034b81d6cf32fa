//! How a rule's secret goes out with a request. What is here holds the secret's
//! name and never the secret.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::headers::FieldName;

/// How a secret goes out with a request: as the header `header`, its value the
/// `prefix` and the secret, or what the secret makes of the body; or as the
/// path of the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialUse {
    /// The secret's name in the vault.
    pub secret: String,
    /// The header; `authorization` when none is written. A secret in the path
    /// has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<FieldName>,
    /// What stands before the secret, such as `Bearer ` with its space.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// A signature goes out in place of the secret; none sends the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<Sign>,
    /// The secret is a whole URL, as incoming webhooks have: its path takes the
    /// place of the segment `-` that follows the rule's `path_prefix`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_path: bool,
}

impl CredentialUse {
    /// The same with the header that it has when none is written.
    pub(super) fn with_header(mut self) -> Self {
        if !self.in_path && self.header.is_none() {
            self.header = Some(authorization());
        }
        self
    }
}

/// What is sent in place of a secret that stays here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// HMAC-SHA256 of the body's bytes under the secret, in lower-case hex: how
    /// GitHub signs webhooks. A request without a body signs an empty one.
    HmacSha256,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HmacSha256 => "hmac-sha256",
        })
    }
}

fn authorization() -> FieldName {
    FieldName::from_static(http::header::AUTHORIZATION)
}
