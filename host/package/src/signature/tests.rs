use proptest::prelude::*;

use super::*;

struct Package {
    key: SecretKey,
    trusted: TrustedKeys,
    version: Version,
    digest: Digest,
}

fn package() -> Package {
    let key = SecretKey::generate("alice@example.com").unwrap();
    let mut trusted = TrustedKeys::default();
    trusted.add(key.public());
    Package {
        key,
        trusted,
        version: Version::new(1, 2, 3),
        digest: Digest::of(b"bytes"),
    }
}

impl Package {
    fn signed(&self) -> Signature {
        Statement::new("webhook", &self.version, self.digest).sign(&self.key)
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            name: "webhook",
            version: &self.version,
            digest: self.digest,
            not_below: None,
        }
    }
}

#[test]
fn who_signed_is_known_after_a_trip_through_text() {
    let package = package();
    let read = Signature::parse(&package.signed().to_text()).unwrap();
    let signer = read.verify(&package.expected(), &package.trusted).unwrap();
    assert_eq!(signer.comment, "alice@example.com");
    assert_eq!(signer.id(), package.key.public().id());
}

#[test]
fn the_signed_bytes_are_these_and_stay_these() {
    let statement = Statement::new("webhook", &Version::new(1, 2, 3), Digest::of(b""));
    assert_eq!(
        String::from_utf8(statement.bytes()).unwrap(),
        r#"{"sortie-signature":1,"name":"webhook","version":"1.2.3","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#
    );
}

#[test]
fn every_way_to_be_wrong_has_its_own_answer() {
    let package = package();
    let signed = package.signed();
    let other = SecretKey::generate("mallory").unwrap();
    let (older, newer) = (Version::new(1, 0, 0), Version::new(2, 0, 0));
    let bytes = Digest::of(b"other bytes");
    let said = |signature: &Signature, expected: Expected<'_>| {
        signature.verify(&expected, &package.trusted).unwrap_err()
    };

    let by_other = Statement::new("webhook", &package.version, package.digest).sign(&other);
    assert_eq!(
        said(&by_other, package.expected()),
        SignatureError::Untrusted(other.public().id())
    );
    let mut posing = by_other.clone();
    posing.key = package.key.public().id();
    assert_eq!(
        said(&posing, package.expected()),
        SignatureError::Forged(posing.key)
    );
    let mut altered = signed.clone();
    altered.statement.name = "other".into();
    assert_eq!(
        said(&altered, package.expected()),
        SignatureError::Forged(altered.key)
    );

    assert!(matches!(
        said(
            &signed,
            Expected {
                name: "other",
                ..package.expected()
            }
        ),
        SignatureError::OtherName { .. }
    ));
    assert!(matches!(
        said(
            &signed,
            Expected {
                version: &older,
                ..package.expected()
            }
        ),
        SignatureError::OtherVersion { .. }
    ));
    assert!(matches!(
        said(
            &signed,
            Expected {
                digest: bytes,
                ..package.expected()
            }
        ),
        SignatureError::OtherBytes { .. }
    ));
    assert_eq!(
        said(
            &signed,
            Expected {
                not_below: Some(&newer),
                ..package.expected()
            }
        ),
        SignatureError::Downgrade {
            installed: newer.clone(),
            offered: package.version.clone()
        }
    );
    let same_again = Expected {
        not_below: Some(&package.version),
        ..package.expected()
    };
    signed.verify(&same_again, &package.trusted).unwrap();
}

#[test]
fn what_is_no_signature_is_refused_and_a_newer_format_is_named() {
    let text = package().signed().to_text();
    for bad in [
        "",
        "{}",
        "<html>",
        &text[..40],
        &text.replace("\"key\"", "\"k\""),
    ] {
        assert!(
            matches!(Signature::parse(bad), Err(SignatureError::Malformed(_))),
            "{bad}"
        );
    }
    let newer = text.replace(
        "\"sortie-signature\":1",
        "\"sortie-signature\":2,\"more\":true",
    );
    assert_eq!(Signature::parse(&newer), Err(SignatureError::Format(2)));
    let long = format!("{text}{}", " ".repeat(MAX_BYTES));
    assert!(matches!(
        Signature::parse(&long),
        Err(SignatureError::Malformed(_))
    ));
}

#[test]
fn keys_are_read_as_they_are_written_and_never_for_each_other() {
    let key = SecretKey::generate("a  b\nc").unwrap();
    let (secret, public) = (key.to_line(), key.public().to_string());
    assert!(public.ends_with(" a b c"));
    assert_eq!(SecretKey::parse(&secret).unwrap().public(), key.public());
    assert_eq!(public.parse::<PublicKey>().unwrap(), key.public());
    assert!(matches!(
        secret.parse::<PublicKey>(),
        Err(KeyError::OtherHalf { .. })
    ));
    assert!(matches!(
        SecretKey::parse(&public),
        Err(KeyError::OtherHalf { .. })
    ));
    let shown = format!("{key:?}");
    let word = secret.split(' ').nth(1).unwrap();
    assert!(!shown.contains(word), "{shown}");
}

#[test]
fn a_list_of_keys_names_the_line_that_is_none() {
    let (a, b) = (
        SecretKey::generate("a").unwrap(),
        SecretKey::generate("").unwrap(),
    );
    let text = format!("# ours\n\n{}\n{}\n", a.public(), b.public());
    let keys = TrustedKeys::parse(&text).unwrap();
    assert!(keys.get(a.public().id()).is_some() && keys.get(b.public().id()).is_some());
    assert!(TrustedKeys::parse("# nobody\n").unwrap().is_empty());
    for bad in [
        "nonsense",
        "sortie-ed25519",
        "sortie-ed25519 !!",
        "sortie-ed25519 AAAA",
        "ssh-ed25519 AAAA x",
    ] {
        let error = TrustedKeys::parse(&format!("{}\n{bad}\n", a.public())).unwrap_err();
        assert!(
            matches!(error, KeyError::Line { line: 2, .. }),
            "{bad}: {error}"
        );
    }
    let leaked = TrustedKeys::parse(&a.to_line()).unwrap_err().to_string();
    assert!(
        !leaked.contains(a.to_line().split(' ').nth(1).unwrap()),
        "{leaked}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Signature::parse(&text);
        let _ = text.parse::<PublicKey>();
        let _ = TrustedKeys::parse(&text);
    }

    /// No changed byte of a signature's text verifies as something else.
    #[test]
    fn no_changed_byte_says_something_new(at in 0..1000usize, byte in 32u8..127) {
        let package = package();
        let text = package.signed().to_text();
        let mut bytes = text.clone().into_bytes();
        let len = bytes.len();
        bytes[at % len] = byte;
        if let Ok(read) = Signature::parse(std::str::from_utf8(&bytes).unwrap())
            && read.verify(&package.expected(), &package.trusted).is_ok()
        {
            prop_assert_eq!(read.statement, package.signed().statement);
        }
    }
}
