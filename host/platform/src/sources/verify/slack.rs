//! Slack's request signatures, version 0: an HMAC of the time and the body
//! under the app's signing secret. As
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack/> says.

use super::{Unverified, fresh};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sortie_model::clock::Timestamp;
use sortie_package::manifest::{SLACK_SIGNATURE as SIGNATURE, SLACK_TIMESTAMP as TIMESTAMP};

/// Checks a request against the signing secret.
pub(super) fn check<'h>(
    secret: &[u8],
    header: impl Fn(&str) -> Option<&'h [u8]>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Unverified> {
    let wrong = || Unverified::Wrong(SIGNATURE.to_owned());
    let sent_at = header(TIMESTAMP)
        .filter(|sent_at| fresh(sent_at, now))
        .ok_or_else(|| Unverified::Wrong(TIMESTAMP.to_owned()))?;
    let shown = header(SIGNATURE)
        .and_then(|value| value.strip_prefix(b"v0="))
        .and_then(|value| hex::decode(value).ok())
        .ok_or_else(wrong)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| wrong())?;
    for part in [&b"v0:"[..], sent_at, b":", body] {
        mac.update(part);
    }
    mac.verify_slice(&shown).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's own page.
    const SECRET: &[u8] = b"8f742231b10e8888abcd99yyyzzz85a5";
    const SENT_AT: i64 = 1_531_420_618;
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SHOWN: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn is_taken(at: &str, shown: &str, body: &str, now_s: i64) -> bool {
        let header = |name: &str| match name {
            TIMESTAMP => Some(at.as_bytes()).filter(|at| !at.is_empty()),
            SIGNATURE => Some(shown.as_bytes()).filter(|shown| !shown.is_empty()),
            _ => None,
        };
        check(SECRET, header, body.as_bytes(), Timestamp(now_s * 1_000)).is_ok()
    }

    #[test]
    fn the_documented_example_is_taken_and_nothing_near_it() {
        let at = SENT_AT.to_string();
        let at = at.as_str();
        assert!(is_taken(at, SHOWN, BODY, SENT_AT));
        assert!(is_taken(at, SHOWN, BODY, SENT_AT + 300));
        assert!(is_taken(at, SHOWN, BODY, SENT_AT - 300));
        for (at, shown, body, now) in [
            (at, SHOWN, &BODY[1..], SENT_AT),
            (at, SHOWN, BODY, SENT_AT + 301),
            (at, SHOWN, BODY, SENT_AT - 301),
            (at, &SHOWN[3..], BODY, SENT_AT),
            (at, &SHOWN[..SHOWN.len() - 2], BODY, SENT_AT),
            (at, "", BODY, SENT_AT),
            ("", SHOWN, BODY, SENT_AT),
            ("x", SHOWN, BODY, SENT_AT),
            ("1531420619", SHOWN, BODY, SENT_AT),
        ] {
            assert!(!is_taken(at, shown, body, now), "{at} {shown} {now}");
        }
    }
}
