//! Who sends: a signature of the body, or a token, in a header.

mod discord;
mod slack;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use sortie_model::clock::Timestamp;
use sortie_package::manifest::{Encoding, Verify};
use sortie_vault::{Vault, VaultError};

/// Why a request is not taken for what it says it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unverified {
    /// The header is missing, malformed or wrong. Whoever sends it learns no
    /// more than that.
    #[error("the {0} header is missing or wrong")]
    Wrong(String),
    /// The secret to verify with cannot be had.
    #[error("read the secret to verify with: {0}")]
    Secret(#[from] VaultError),
}

/// How far the time in a signed request may be from the host's, in seconds. A
/// request that is repeated later is refused; what both services advise.
const MAX_SKEW_S: u64 = 300;

/// Whether a request was signed now, by the seconds since 1970 that it says.
fn fresh(sent_at: &[u8], now: Timestamp) -> bool {
    std::str::from_utf8(sent_at)
        .ok()
        .and_then(|text| text.parse::<i64>().ok())
        .is_some_and(|sent_at| (now.0.div_euclid(1_000)).abs_diff(sent_at) <= MAX_SKEW_S)
}

/// Checks a request, given as a look-up of its header fields and its body.
pub(super) fn check<'h>(
    verify: &Verify,
    vault: &Vault,
    header: impl Fn(&str) -> Option<&'h [u8]>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Unverified> {
    match verify {
        Verify::None {} => Ok(()),
        Verify::SlackV0 { secret } => {
            slack::check(vault.get(secret)?.expose().as_bytes(), header, body, now)
        }
        Verify::DiscordEd25519 { secret } => {
            discord::check(vault.get(secret)?.expose(), header, body, now)
        }
        Verify::Token {
            header: name,
            prefix,
            secret,
        } => {
            let wrong = || Unverified::Wrong(name.clone());
            let secret = vault.get(secret)?;
            let shown = header(name)
                .and_then(|value| value.strip_prefix(prefix.as_bytes()))
                .ok_or_else(wrong)?;
            // Compared by digest, so that neither length nor content shows in
            // the time it takes.
            match Sha256::digest(shown) == Sha256::digest(secret.expose()) {
                true => Ok(()),
                false => Err(wrong()),
            }
        }
        Verify::HmacSha256 {
            header: name,
            prefix,
            encoding,
            secret,
        } => {
            let wrong = || Unverified::Wrong(name.clone());
            let secret = vault.get(secret)?;
            let shown = header(name)
                .and_then(|value| value.strip_prefix(prefix.as_bytes()))
                .ok_or_else(wrong)?;
            let shown = match encoding {
                Encoding::Hex => hex::decode(shown).ok(),
                Encoding::Base64 => STANDARD.decode(shown).ok(),
            }
            .ok_or_else(wrong)?;
            let mut mac =
                Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|_| wrong())?;
            mac.update(body);
            mac.verify_slice(&shown).map_err(|_| wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_vault::{Secret, SecretSource};
    use std::collections::BTreeMap;

    fn vault() -> Vault {
        let secret = SecretSource::Value(Secret::new("It's a Secret to Everybody".to_owned()));
        Vault::new(BTreeMap::from([("hook".to_owned(), secret)])).expect("a vault")
    }

    fn signed(prefix: &str, encoding: Encoding) -> Verify {
        Verify::HmacSha256 {
            header: "x-signature".into(),
            prefix: prefix.into(),
            encoding,
            secret: "hook".into(),
        }
    }

    fn is_taken(verify: &Verify, value: Option<&str>, body: &str) -> bool {
        let header = |name: &str| {
            assert_ne!(name, "");
            value.map(str::as_bytes)
        };
        check(verify, &vault(), header, body.as_bytes(), Timestamp(0)).is_ok()
    }

    /// The example in GitHub's documentation of webhook signatures.
    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn a_signature_is_of_this_body_and_this_secret() {
        let verify = signed("sha256=", Encoding::Hex);
        let shown = format!("sha256={SIGNATURE}");
        assert!(is_taken(&verify, Some(&shown), "Hello, World!"));
        assert!(is_taken(
            &verify,
            Some(&format!("sha256={}", SIGNATURE.to_uppercase())),
            "Hello, World!"
        ));
        for (shown, body) in [
            (Some(shown.as_str()), "Hello, World"),
            (Some(SIGNATURE), "Hello, World!"),
            (Some("sha256="), "Hello, World!"),
            (Some("sha256=zz"), "Hello, World!"),
            (Some(&shown[..shown.len() - 2]), "Hello, World!"),
            (None, "Hello, World!"),
        ] {
            assert!(!is_taken(&verify, shown, body), "{shown:?}");
        }
    }

    #[test]
    fn base64_is_another_spelling() {
        let bytes = hex::decode(SIGNATURE).expect("hex");
        let shown = STANDARD.encode(bytes);
        let verify = signed("", Encoding::Base64);
        assert!(is_taken(&verify, Some(&shown), "Hello, World!"));
        assert!(!is_taken(&verify, Some(SIGNATURE), "Hello, World!"));
    }

    #[test]
    fn a_token_is_whole_or_wrong() {
        let verify = Verify::Token {
            header: "authorization".into(),
            prefix: "Bearer ".into(),
            secret: "hook".into(),
        };
        assert!(is_taken(
            &verify,
            Some("Bearer It's a Secret to Everybody"),
            ""
        ));
        for shown in ["It's a Secret to Everybody", "Bearer It's", "Bearer ", ""] {
            assert!(!is_taken(&verify, Some(shown), ""), "{shown:?}");
        }
    }

    #[test]
    fn a_missing_secret_is_no_open_door() {
        let verify = Verify::Token {
            header: "authorization".into(),
            prefix: String::new(),
            secret: "nowhere".into(),
        };
        assert!(!is_taken(&verify, Some(""), ""));
    }
}
