//! What a grant says about the world outside: one rule per table
//! `[[egress]]` of a plugin's manifest.
//!
//! A rule that was read is a rule that makes sense: each field is checked on
//! its own and against the others, and every error says what to write.

use std::fmt;

use serde::{Deserialize, Serialize};
use sortie_model::host::HostPattern;

use super::credential::CredentialUse;
use super::headers;
use super::method::MethodName;
use super::path::PathPrefix;
use super::scheme::Scheme;

/// One kind of request that is allowed.
///
/// ```
/// use sortie_gateway::outbound::Rule;
///
/// let rule: Rule = toml::from_str(r#"
///     host = "api.example.com"
///     methods = ["POST"]
///     path_prefix = "/hooks/"
///     credential = { secret = "example-token", header = "authorization", prefix = "Bearer " }
/// "#)?;
/// assert_eq!(
///     rule.to_string(),
///     "POST https://api.example.com/hooks/ with the secret example-token as authorization"
/// );
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rule {
    /// The hosts.
    pub host: HostPattern,
    /// The methods; `GET` when none is written.
    pub methods: Vec<MethodName>,
    /// How the path begins; `/` when nothing is written.
    pub path_prefix: PathPrefix,
    /// The schemes; `https` when none is written.
    pub schemes: Vec<Scheme>,
    /// The port; the scheme's own when none is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether the host may have a private or loopback address.
    pub private: bool,
    /// The secret that the host adds or signs with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialUse>,
}

/// The table as it is written, before its fields are held against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    host: HostPattern,
    #[serde(default = "get")]
    methods: Vec<MethodName>,
    #[serde(default)]
    path_prefix: PathPrefix,
    #[serde(default = "https")]
    schemes: Vec<Scheme>,
    port: Option<u16>,
    #[serde(default)]
    private: bool,
    credential: Option<CredentialUse>,
}

fn get() -> Vec<MethodName> {
    vec![MethodName::get()]
}

fn https() -> Vec<Scheme> {
    vec![Scheme::Https]
}

impl TryFrom<Written> for Rule {
    type Error = RuleError;

    fn try_from(w: Written) -> Result<Self, RuleError> {
        let refuse =
            |field, value: &str, advice: &str| Err(RuleError::new(field, value, advice.to_owned()));
        if w.methods.is_empty() {
            return refuse("methods", "[]", "name each method, such as [\"GET\"]");
        }
        if w.schemes.is_empty() {
            return refuse("schemes", "[]", "write [\"https\"]");
        }
        if w.port == Some(0) {
            return refuse("port", "0", "write 1 to 65535, or leave it out");
        }
        if let Some(credential) = &w.credential {
            if !headers::is_value(&credential.prefix) {
                return refuse(
                    "prefix",
                    &credential.prefix,
                    "write visible characters and spaces, such as `Bearer `",
                );
            }
            if w.schemes.contains(&Scheme::Http) && !w.private {
                return refuse(
                    "schemes",
                    "http",
                    "write [\"https\"]: a credential goes over plain http to loopback addresses \
                     alone, with `private = true`",
                );
            }
        }
        if w.credential.as_ref().is_some_and(|c| c.sign.is_some())
            && let Some(method) = w.methods.iter().find(|m| !m.is_its_body())
        {
            return refuse(
                "methods",
                method.as_str(),
                "name POST, PUT or PATCH: a signature is of the body, and says nothing of a \
                 request that is more than its body",
            );
        }
        if let Some(credential) = w.credential.as_ref().filter(|c| c.in_path) {
            if credential.header.is_some()
                || !credential.prefix.is_empty()
                || credential.sign.is_some()
            {
                return refuse(
                    "credential",
                    &credential.secret,
                    "leave `header`, `prefix` and `sign` out: the secret goes into the path",
                );
            }
            if w.path_prefix == PathPrefix::default() {
                return refuse(
                    "path_prefix",
                    "/",
                    "write what the path of the secret's URL begins with, such as `/api/webhooks`",
                );
            }
        }
        Ok(Self {
            host: w.host,
            methods: w.methods,
            path_prefix: w.path_prefix,
            schemes: w.schemes,
            port: w.port,
            private: w.private,
            credential: w.credential.map(CredentialUse::with_header),
        })
    }
}

impl Rule {
    /// Whether every request that `other` allows is allowed here too, to no
    /// more addresses and with the same credential. A `false` can be wrong
    /// when `other` is covered by several rules together; a `true` never is.
    pub fn covers(&self, other: &Self) -> bool {
        let ports = |rule: &Self| -> Vec<(Scheme, u16)> {
            let port = |s: &Scheme| (*s, rule.port.unwrap_or_else(|| s.default_port()));
            rule.schemes.iter().map(port).collect()
        };
        let own = ports(self);
        // An address is named by the exact pattern alone, and naming one opens
        // what `*.` could never match, so covering the host covers that too.
        self.host.covers(&other.host)
            && other.methods.iter().all(|m| self.methods.contains(m))
            && self.path_prefix.covers(&other.path_prefix)
            && ports(other).iter().all(|p| own.contains(p))
            && (self.private || !other.private)
            && self.credential == other.credential
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, method) in self.methods.iter().enumerate() {
            write!(f, "{}{method}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(" ")?;
        for (i, scheme) in self.schemes.iter().enumerate() {
            write!(f, "{}{scheme}", if i == 0 { "" } else { "+" })?;
        }
        write!(f, "://{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.path_prefix)?;
        if self.private {
            f.write_str(", also at private addresses")?;
        }
        match &self.credential {
            None => Ok(()),
            Some(CredentialUse {
                secret,
                header: None,
                ..
            }) => write!(f, " with the secret {secret} in its path"),
            Some(CredentialUse {
                secret,
                header: Some(header),
                sign: None,
                ..
            }) => write!(f, " with the secret {secret} as {header}"),
            Some(CredentialUse {
                secret,
                header: Some(header),
                sign: Some(sign),
                ..
            }) => write!(f, " signed with the secret {secret} as {header}, {sign}"),
        }
    }
}

/// A rule that cannot be meant, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the egress {field} {value:?}: {advice}")]
pub struct RuleError {
    field: &'static str,
    value: String,
    advice: String,
}

/// The longest value worth repeating in an error.
const MAX_SHOWN_CHARS: usize = 100;

impl RuleError {
    pub(crate) fn new(field: &'static str, value: &str, advice: String) -> Self {
        Self {
            field,
            value: value.chars().take(MAX_SHOWN_CHARS).collect(),
            advice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rule, String> {
        toml::from_str(text).map_err(|e: toml::de::Error| e.to_string())
    }

    #[test]
    fn defaults_are_the_least_that_is_useful() {
        let rule = read("host = \"h.org\"").expect("a rule");
        assert_eq!(rule.to_string(), "GET https://h.org/");
        assert!(rule.port.is_none() && !rule.private && rule.credential.is_none());
    }

    #[test]
    fn a_rule_survives_its_own_writing() {
        let rule = read(
            "host = \"*.h.org\"\nmethods = [\"POST\", \"PUT\"]\npath_prefix = \"/a/\"\nschemes = [\"http\", \"https\"]\n\
             port = 8443\nprivate = true\ncredential = { secret = \"s\", header = \"X-Token\", sign = \"hmac-sha256\" }",
        )
        .expect("a rule");
        assert!(
            rule.to_string()
                .ends_with(" signed with the secret s as x-token, hmac-sha256"),
            "{rule}"
        );
        let json = serde_json::to_string(&rule).expect("writes");
        assert_eq!(serde_json::from_str::<Rule>(&json).expect("reads"), rule);
        assert!(json.contains("\"x-token\""), "{json}");
    }

    #[test]
    fn a_secret_in_the_path_has_no_header() {
        let rule = read(
            "host = \"h.org\"\npath_prefix = \"/hooks\"\ncredential = { secret = \"s\", in_path = true }",
        )
        .expect("a rule");
        assert_eq!(
            rule.to_string(),
            "GET https://h.org/hooks with the secret s in its path"
        );
        let json = serde_json::to_string(&rule).expect("writes");
        assert_eq!(serde_json::from_str::<Rule>(&json).expect("reads"), rule);
        assert!(!json.contains("authorization"), "{json}");
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, advice) in [
            ("methods = [\"GET\"]", "missing field `host`"),
            (
                "host = \"h.org\"\nmethod = \"GET\"",
                "expected one of `host`, `methods`",
            ),
            ("host = \"h.org\"\nmethods = []", "name each method"),
            ("host = \"h.org\"\nmethods = [\"get\"]", "in capitals, GET"),
            ("host = \"h.org\"\nmethods = [\"*\"]", "name each one"),
            ("host = \"h.org\"\nmethods = [\"CONNECT\"]", "ever allowed"),
            ("host = \"h.org\"\nmethods = [\"TRACE\"]", "ever allowed"),
            ("host = \"h.org\"\nschemes = []", "[\"https\"]"),
            ("host = \"h.org\"\nschemes = [\"ftp\"]", "`http` or `https`"),
            ("host = \"h.org\"\nport = 0", "1 to 65535"),
            ("host = \"h.org:80\"", "its port in a key of its own"),
            (
                "host = \"h.org\"\nschemes = [\"http\"]\ncredential = { secret = \"s\" }",
                "write [\"https\"]",
            ),
            (
                "host = \"h.org\"\ncredential = { secret = \"s\", header = \"host\" }",
                "is the host's own",
            ),
            (
                "host = \"h.org\"\ncredential = { secret = \"s\", prefix = \"a\\nb\" }",
                "visible characters",
            ),
            (
                "host = \"h.org\"\ncredential = { secret = \"s\", name = \"x\" }",
                "expected one of",
            ),
            (
                "host = \"h.org\"\ncredential = { secret = \"s\", sign = \"md5\" }",
                "expected `hmac-sha256`",
            ),
            (
                "host = \"h.org\"\ncredential = { secret = \"s\", sign = \"hmac-sha256\" }",
                "name POST, PUT or PATCH",
            ),
            (
                "host = \"h.org\"\ncredential = { secret = \"s\", in_path = true }",
                "what the path of the secret's URL begins with",
            ),
            (
                "host = \"h.org\"\npath_prefix = \"/a\"\ncredential = { secret = \"s\", in_path = true, header = \"x\" }",
                "the secret goes into the path",
            ),
            (
                "host = \"h.org\"\npath_prefix = \"/a\"\ncredential = { secret = \"s\", in_path = true, prefix = \"x\" }",
                "the secret goes into the path",
            ),
            (
                "host = \"h.org\"\nmethods = [\"POST\"]\nschemes = [\"http\"]\ncredential = { secret = \"s\", sign = \"hmac-sha256\" }",
                "write [\"https\"]",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn covering_is_never_wider_than_the_rule() {
        let wide = read(
            "host = \"*.h.org\"\nmethods = [\"GET\", \"POST\"]\nschemes = [\"http\", \"https\"]",
        )
        .expect("a rule");
        assert!(wide.covers(&wide));
        assert!(wide.covers(&read("host = \"a.h.org\"\npath_prefix = \"/v1\"").expect("a rule")));
        for beyond in [
            "host = \"h.org\"",
            "host = \"a.h.org\"\nmethods = [\"PUT\"]",
            "host = \"a.h.org\"\nport = 8443",
            "host = \"a.h.org\"\nprivate = true",
            "host = \"a.h.org\"\ncredential = { secret = \"s\" }",
        ] {
            assert!(!wide.covers(&read(beyond).expect("a rule")), "{beyond}");
        }
        // A grant to sign is none to tell, nor the other way round.
        let post = "host = \"h.org\"\nmethods = [\"POST\"]\n";
        let with = |text: &str| read(&format!("{post}credential = {text}")).expect("a rule");
        let tells = with("{ secret = \"s\" }");
        let signs = with("{ secret = \"s\", sign = \"hmac-sha256\" }");
        assert!(!tells.covers(&signs) && !signs.covers(&tells) && signs.covers(&signs));
        // The same port by name and by number.
        let plain = read("host = \"h.org\"").expect("a rule");
        assert!(plain.covers(&read("host = \"h.org\"\nport = 443").expect("a rule")));
        let narrow = read("host = \"h.org\"\npath_prefix = \"/v1\"").expect("a rule");
        assert!(!narrow.covers(&read("host = \"h.org\"\npath_prefix = \"/v12\"").expect("a rule")));
        assert!(!narrow.covers(&plain));
    }
}
