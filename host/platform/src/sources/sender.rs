//! Who did it, as far as the host can say: a person of the operator's list, a
//! stranger, or nobody in particular.
//!
//! A signature of Slack or Discord covers the body, and the body names the
//! person who pressed; the operator's list says what that person may do. A
//! stranger never reaches a plugin.

use crate::Platform;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sortie_model::people::Role;
use sortie_package::manifest::Verify;
use sortie_plugins::surfaces::connector::Sender;
use sortie_store::{AuditEntry, Person, StoreError};

/// A verified sender, as an event keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verified {
    /// As the guest sees it.
    #[serde(flatten)]
    pub(crate) sender: Sender,
    /// The service that vouches for it.
    pub(crate) service: String,
    /// What it may do; none when it is not known any more.
    pub(crate) role: Option<Role>,
    /// The token of the button that was pressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) button: Option<String>,
}

impl Verified {
    pub(crate) fn of(person: &Person, name: String, button: Option<String>) -> Self {
        Self {
            sender: Sender {
                id: person.user.clone(),
                name,
                owner: person.role == Role::Owner,
            },
            service: person.source.clone(),
            role: Some(person.role),
            button,
        }
    }

    /// The same with the role that holds now: an event may wait for long.
    pub(crate) async fn refreshed(mut self, platform: &Platform) -> Result<Self, StoreError> {
        let found = platform.store().person(&self.service, &self.sender.id);
        self.role = found.await?.map(|person| person.role);
        self.sender.owner = self.role == Some(Role::Owner);
        Ok(self)
    }
}

/// A person that a body names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: String,
    pub(super) name: String,
}

/// Who sent a verified request.
pub(super) enum Who {
    /// Somebody of the operator's list.
    Known(Verified),
    /// The scheme says of no person that they sent.
    Nobody,
    /// Somebody else.
    Stranger,
}

/// The longest id and name of a person; more is no person's.
const MAX_NAME_BYTES: usize = 256;

impl Platform {
    /// Finds who sent a verified request, and notes a stranger.
    pub(super) async fn who(&self, verify: &Verify, body: &[u8]) -> Result<Who, StoreError> {
        let Some(service) = verify.people() else {
            return Ok(Who::Nobody);
        };
        let Some(named) = named(verify, body) else {
            return Ok(Who::Stranger);
        };
        if let Some(person) = self.store().person(service, &named.id).await? {
            return Ok(Who::Known(Verified::of(&person, named.name, None)));
        }
        let key = format!("{service}:{}", named.id);
        if self.is_news(&key) {
            let note = AuditEntry {
                actor: key.clone(),
                action: format!("{service}.stranger"),
                subject: key,
                detail: json!({ "name": named.name }),
            };
            self.store().audit(note).await?;
        }
        Ok(Who::Stranger)
    }
}

/// The person that the body of such a request names.
fn named(verify: &Verify, body: &[u8]) -> Option<Named> {
    let named = match verify {
        Verify::SlackV0 { .. } => {
            let mut fields = url::form_urlencoded::parse(body);
            let (_, payload) = fields.find(|(name, _)| name == "payload")?;
            let payload: Value = serde_json::from_str(&payload).ok()?;
            of(&payload["user"])?
        }
        Verify::DiscordEd25519 { .. } => {
            let payload: Value = serde_json::from_slice(body).ok()?;
            of(&payload["member"]["user"]).or_else(|| of(&payload["user"]))?
        }
        _ => return None,
    };
    (!named.id.is_empty() && named.id.len() <= MAX_NAME_BYTES).then_some(named)
}

fn of(user: &Value) -> Option<Named> {
    let id = user["id"].as_str()?;
    let name = user["username"].as_str().unwrap_or(id);
    Some(Named {
        id: id.to_owned(),
        name: name.chars().take(MAX_NAME_BYTES / 4).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(verify: &Verify, body: &str) -> Option<String> {
        named(verify, body.as_bytes()).map(|named| format!("{} {}", named.id, named.name))
    }

    #[test]
    fn slack_names_a_person_in_the_payload() {
        let slack = Verify::SlackV0 { secret: "s".into() };
        let body =
            "a=1&payload=%7B%22user%22%3A%7B%22id%22%3A%22U1%22%2C%22username%22%3A%22ann%22%7D%7D";
        assert_eq!(id(&slack, body).as_deref(), Some("U1 ann"));
        for body in [
            "",
            "payload=",
            "payload=%7B%7D",
            "{\"user\":{\"id\":\"U1\"}}",
        ] {
            assert_eq!(id(&slack, body), None, "{body}");
        }
    }

    #[test]
    fn discord_names_a_member_or_a_user() {
        let discord = Verify::DiscordEd25519 { secret: "s".into() };
        let member = r#"{"type":3,"member":{"user":{"id":"7","username":"ann"}}}"#;
        assert_eq!(id(&discord, member).as_deref(), Some("7 ann"));
        let direct = r#"{"type":3,"user":{"id":"8"}}"#;
        assert_eq!(id(&discord, direct).as_deref(), Some("8 8"));
        assert_eq!(id(&discord, r#"{"type":3,"user":{"id":8}}"#), None);
        assert_eq!(id(&discord, "nonsense"), None);
    }

    #[test]
    fn a_stored_sender_is_read_again() {
        let person = Person {
            id: 1,
            source: "slack".into(),
            user: "U1".into(),
            name: "Ann".into(),
            role: Role::Approver,
            added_by: "cli".into(),
            added_at: sortie_model::clock::Timestamp(0),
        };
        let verified = Verified::of(&person, "ann".into(), Some("token".into()));
        let written = serde_json::to_value(&verified).unwrap();
        assert_eq!(written["id"], "U1");
        assert_eq!(
            serde_json::from_value::<Verified>(written).unwrap(),
            verified
        );
    }
}
