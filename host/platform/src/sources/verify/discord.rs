//! Discord's request signatures: Ed25519 over the time and the body, with the
//! application's key, whose public half the operator keeps. As
//! <https://discord.com/developers/docs/interactions/overview> says.

use super::{Unverified, fresh};
use ring::signature::{ED25519, UnparsedPublicKey};
use sortie_model::clock::Timestamp;
use sortie_package::manifest::{DISCORD_SIGNATURE as SIGNATURE, DISCORD_TIMESTAMP as TIMESTAMP};

/// Checks a request against the public key, in hex.
pub(super) fn check<'h>(
    key: &str,
    header: impl Fn(&str) -> Option<&'h [u8]>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Unverified> {
    let wrong = || Unverified::Wrong(SIGNATURE.to_owned());
    let key = hex::decode(key.trim()).map_err(|_| wrong())?;
    let sent_at = header(TIMESTAMP)
        .filter(|sent_at| fresh(sent_at, now))
        .ok_or_else(|| Unverified::Wrong(TIMESTAMP.to_owned()))?;
    let shown = header(SIGNATURE)
        .and_then(|value| hex::decode(value).ok())
        .ok_or_else(wrong)?;
    let signed = [sent_at, body].concat();
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&signed, &shown)
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    const SENT_AT: i64 = 1_700_000_000;
    const BODY: &[u8] = b"{\"type\":1}";

    #[test]
    fn a_signature_is_of_this_time_this_body_and_this_key() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        let public = |pair: &Ed25519KeyPair| hex::encode(pair.public_key().as_ref());
        let at = SENT_AT.to_string();
        let sign = |pair: &Ed25519KeyPair, at: &str, body: &[u8]| {
            hex::encode(pair.sign(&[at.as_bytes(), body].concat()).as_ref())
        };
        let good = sign(&pair, &at, BODY);
        let is_taken = |key: &str, at: &str, shown: &str, body: &[u8], now_s: i64| {
            let header = |name: &str| match name {
                TIMESTAMP => Some(at.as_bytes()),
                SIGNATURE => Some(shown.as_bytes()),
                _ => None,
            };
            check(key, header, body, Timestamp(now_s * 1_000)).is_ok()
        };
        let (key, other_key) = (public(&pair), public(&other));
        let other_good = sign(&other, &at, BODY);
        let (key, at, good) = (key.as_str(), at.as_str(), good.as_str());
        assert!(is_taken(key, at, good, BODY, SENT_AT));
        assert!(is_taken(key, at, good, BODY, SENT_AT + 300));
        for (key, at, shown, body, now) in [
            (key, at, good, &BODY[1..], SENT_AT),
            (key, at, good, BODY, SENT_AT + 301),
            (key, at, good, BODY, SENT_AT - 301),
            (key, "1700000001", good, BODY, SENT_AT),
            (key, at, "", BODY, SENT_AT),
            (key, at, "zz", BODY, SENT_AT),
            (key, at, other_good.as_str(), BODY, SENT_AT),
            (other_key.as_str(), at, good, BODY, SENT_AT),
            ("", at, good, BODY, SENT_AT),
            ("no hex", at, good, BODY, SENT_AT),
        ] {
            assert!(
                !is_taken(key, at, shown, body, now),
                "{key} {at} {shown} {now}"
            );
        }
    }
}
