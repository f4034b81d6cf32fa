//! Secrets that are a URL, as the addresses of incoming webhooks are.
//!
//! A guest asks for the rule's `path_prefix` and the segment `-`; the path of
//! the secret's URL goes out in its place. The secret decides neither the host
//! nor the door: they are the guest's, which the rule allowed, and a secret of
//! another host is refused. What is written down and told is the guest's path.

use super::path;
use super::rule::Rule;
use super::target::Target;
use sortie_vault::Secret;
use url::Url;

/// What stands where the secret goes.
const PLACE: &str = "-";

/// From this length on a segment of a secret's path is taken for what makes it
/// one. Discord's tokens have 68 characters, Slack's 24; words are shorter.
const MIN_SECRET_SEGMENT_BYTES: usize = 16;

/// A request's URL with the secret in it.
pub(super) struct Placed {
    pub(super) url: Url,
    /// The parts of the secret that an answer must not show.
    pub(super) parts: Vec<Secret>,
}

/// Puts the secret in its place.
///
/// # Errors
/// What is wrong, to follow the name of the secret.
pub(super) fn place(rule: &Rule, target: &Target, secret: &Secret) -> Result<Placed, &'static str> {
    let tail = rule
        .path_prefix
        .rest(target.url.path())
        .and_then(|rest| rest.strip_prefix(PLACE))
        .filter(|tail| tail.is_empty() || tail.starts_with('/'))
        .ok_or("goes where the segment `-` follows the path of its rule, and there is none")?;
    // Its error may quote the secret.
    let own = Target::parse(secret.expose().trim()).map_err(|_| "is no URL")?;
    if (own.scheme, &own.name, own.port) != (target.scheme, &target.name, target.port) {
        return Err("is the URL of another host than the request's");
    }
    let path = own.url.path().trim_end_matches('/');
    let below = rule
        .path_prefix
        .rest(path)
        .filter(|below| !below.is_empty() && own.url.query().is_none())
        .ok_or("is no URL below the path of its rule")?;
    let mut url = target.url.clone();
    url.set_path(&format!("{path}{tail}"));
    if path::check(url.path()).is_err() || !url.path().starts_with(path) {
        return Err("makes a path that leads elsewhere");
    }
    let part = |text: &str| Secret::new(text.to_owned());
    let mut parts: Vec<Secret> = below
        .split('/')
        .filter(|segment| segment.len() >= MIN_SECRET_SEGMENT_BYTES)
        .map(part)
        .collect();
    if parts.is_empty() {
        parts.push(part(below));
    }
    Ok(Placed { url, parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        toml::from_str(
            "host = \"hooks.test\"\nmethods = [\"POST\"]\npath_prefix = \"/api/webhooks\"\n\
             credential = { secret = \"hook\", in_path = true }",
        )
        .expect("a rule")
    }

    fn placed(asked: &str, secret: &str) -> Result<Placed, &'static str> {
        let target = Target::parse(asked).expect("a target");
        place(&rule(), &target, &Secret::new(secret.to_owned()))
    }

    const HOOK: &str = "https://hooks.test/api/webhooks/123456789012345678/a-token_that-is-long";

    #[test]
    fn the_secret_takes_the_place_of_the_segment() {
        for (asked, sent) in [
            ("https://hooks.test/api/webhooks/-", HOOK.to_owned()),
            (
                "https://hooks.test/api/webhooks/-/messages/7?wait=true",
                format!("{HOOK}/messages/7?wait=true"),
            ),
        ] {
            assert_eq!(placed(asked, HOOK).expect("a URL").url.as_str(), sent);
            let slashed = placed(asked, &format!("{HOOK}/\n")).expect("a URL");
            assert_eq!(slashed.url.as_str(), sent);
        }
    }

    #[test]
    fn nothing_else_is_a_place() {
        for asked in [
            "https://hooks.test/api/webhooks",
            "https://hooks.test/api/webhooks/",
            "https://hooks.test/api/webhooks/-x",
            "https://hooks.test/api/webhooks/x/-",
            "https://hooks.test/api/webhooks/-/../x",
        ] {
            assert!(placed(asked, HOOK).is_err(), "{asked}");
        }
    }

    #[test]
    fn a_secret_of_another_place_is_none() {
        let asked = "https://hooks.test/api/webhooks/-";
        for secret in [
            "",
            "a-token",
            "http://hooks.test/api/webhooks/1/t",
            "https://other.test/api/webhooks/1/t",
            "https://hooks.test:8443/api/webhooks/1/t",
            "https://hooks.test/api/webhooks",
            "https://hooks.test/api/webhooks/../secrets/t",
            "https://hooks.test/api/webhooks/..%2fsecrets/t",
            "https://hooks.test/api/webhooks2/1/t",
            "https://hooks.test/api/webhooks/1/t?x=1",
        ] {
            let error = placed(asked, secret).err().expect(secret);
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
    }

    #[test]
    fn what_makes_it_a_secret_is_its_long_segments_or_all_of_it() {
        let parts = |secret: &str| -> Vec<String> {
            let placed = placed("https://hooks.test/api/webhooks/-", secret);
            let parts = placed.expect("a URL").parts.into_iter();
            parts.map(|part| part.expose().to_owned()).collect()
        };
        assert_eq!(parts(HOOK), ["123456789012345678", "a-token_that-is-long"]);
        let short = "https://hooks.test/api/webhooks/1/t0ken";
        assert_eq!(parts(short), ["1/t0ken"]);
    }
}
