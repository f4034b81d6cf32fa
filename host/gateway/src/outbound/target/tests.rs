//! Which URLs pass which rules, and that no spelling passes for another host.

use super::*;
use proptest::prelude::*;

fn rules(text: &str) -> Vec<Rule> {
    vec![toml::from_str(text).expect("a rule")]
}

fn admitted(rules: &[Rule], method_text: &str, url: &str) -> Result<(), OutboundError> {
    let method = method(method_text)?;
    admit(rules, &method, &Target::parse(url)?).map(|_| ())
}

#[test]
fn each_part_of_a_rule_holds() {
    let rules = rules(
        "host = \"api.example.com\"\nmethods = [\"POST\"]\npath_prefix = \"/hooks/\"\nport = 8443",
    );
    for url in [
        "https://api.example.com:8443/hooks/a?b=../c",
        "HTTPS://API.EXAMPLE.COM:8443/hooks/a",
        "https://api.example.com.:8443/hooks/a",
        "https://ａｐｉ.example.com:8443/hooks/a",
        "https://%61pi.example.com:8443/hooks/a",
        "https://api。example.com:8443/hooks/a",
    ] {
        assert_eq!(admitted(&rules, "POST", url), Ok(()), "{url}");
    }
    for (method, url, reason) in [
        ("GET", "https://api.example.com:8443/hooks/a", "GET at"),
        (
            "POST",
            "https://api.example.com/hooks/a",
            "com:443; there is",
        ),
        ("POST", "http://api.example.com:8443/hooks/a", "http://api"),
        ("POST", "https://api.example.com:8443/hook/a", "this path"),
        ("POST", "https://api.example.com:8443/", "this path"),
        (
            "POST",
            "https://example.com:8443/hooks/a",
            "no egress rule names the host example.com",
        ),
        (
            "POST",
            "https://api.example.com.evil.org:8443/hooks/a",
            "names the host api.example.com.evil",
        ),
        (
            "POST",
            "https://evil.org:8443/hooks/a",
            "names the host evil.org",
        ),
        (
            "CONNECT",
            "https://api.example.com:8443/hooks/a",
            "never allowed",
        ),
        (
            "TRACE",
            "https://api.example.com:8443/hooks/a",
            "never allowed",
        ),
    ] {
        match admitted(&rules, method, url) {
            Err(OutboundError::Denied(text)) => assert!(text.contains(reason), "{url}: {text}"),
            other => panic!("{method} {url}: {other:?}"),
        }
    }
}

#[test]
fn what_is_malformed_is_said_so() {
    let rules = rules("host = \"h.org\"");
    for (method, url, reason) in [
        ("get", "https://h.org/", "capitals"),
        ("G T", "https://h.org/", "capitals"),
        ("GET", "https://u@h.org/", "user info"),
        ("GET", "https://u:p@h.org/", "user info"),
        ("GET", "https://:p@h.org/", "user info"),
        ("GET", "https://h.org@evil.org/", "user info"),
        ("GET", "https://h.org/#a", "fragment"),
        ("GET", "https://h.org /", "white space"),
        ("GET", " https://h.org/", "white space"),
        ("GET", "https://h.org/a\tb", "white space"),
        ("GET", "https://h.org/a\r\nHost: x", "white space"),
        ("GET", "https://evil.org\\@h.org/", "backslash"),
        ("GET", "https://h.org:0/", "port 0"),
        ("GET", "https://h.org:65536/", "does not parse"),
        ("GET", "https://h..org/", "no DNS name"),
        ("GET", "https://h.org../", "no DNS name"),
        ("GET", "https://[fe80::1%25eth0]/", "does not parse"),
        ("GET", "https://[fe80::1%eth0]/", "does not parse"),
        ("GET", "https:///", "does not parse"),
        ("GET", "ftp://h.org/", "neither https nor http"),
        ("GET", "file:///etc/passwd", "neither https nor http"),
        ("GET", "unix:/run/x.sock", "neither https nor http"),
        ("GET", "h.org/", "does not parse"),
        ("GET", "//h.org/", "does not parse"),
        ("GET", "https://h.org/..%2fx", "dot segment"),
    ] {
        match admitted(&rules, method, url) {
            Err(OutboundError::Invalid(text)) => assert!(text.contains(reason), "{url}: {text}"),
            other => panic!("{method} {url}: {other:?}"),
        }
    }
    let long = format!("https://h.org/{}", "a".repeat(MAX_URL_BYTES));
    assert!(matches!(
        admitted(&rules, "GET", &long),
        Err(OutboundError::Invalid(_))
    ));
}

#[test]
fn a_dot_at_the_end_does_not_go_out() {
    let target = Target::parse("https://h.org.:8443/a?b").expect("a target");
    assert_eq!(target.url.as_str(), "https://h.org:8443/a?b");
}

#[test]
fn the_first_rule_that_fits_decides() {
    let both = [
        toml::from_str("host = \"h.org\"\npath_prefix = \"/open\"").expect("a rule"),
        toml::from_str("host = \"h.org\"\ncredential = { secret = \"s\" }").expect("a rule"),
    ];
    let method = method("GET").expect("a method");
    let open = Target::parse("https://h.org/open/x").expect("a target");
    assert_eq!(admit(&both, &method, &open), Ok(&both[0]));
    let other = Target::parse("https://h.org/x").expect("a target");
    assert_eq!(admit(&both, &method, &other), Ok(&both[1]));
}

/// Texts near the allowed host, where a confused parser would slip.
fn near_urls() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("api.example.com".to_owned()),
        Just("evil.org".to_owned()),
        Just("127.0.0.1".to_owned()),
        Just("[::1]".to_owned()),
        Just("https://".to_owned()),
        Just("http:".to_owned()),
        "[@:/\\\\?#.;&=%\\[\\]]{1,3}",
        "%[0-9a-f]{2}",
        "[\u{3002}\u{ff0f}\u{ff20}\u{2100}\u{200d}ßİ\u{0}\t\n ]",
        "[a-z0-9]{1,4}",
    ];
    proptest::collection::vec(piece, 1..8).prop_map(|pieces| format!("https://{}", pieces.concat()))
}

/// What passes must go to the allowed host by every reading: the URL parser's
/// of the guest's text, and the HTTP stack's of the text that is sent.
fn goes_where_it_was_allowed(text: &str) -> Result<(), TestCaseError> {
    let rules = rules("host = \"api.example.com\"\nmethods = [\"GET\"]");
    let Ok(target) = Target::parse(text) else {
        return Ok(());
    };
    if admit(&rules, &method("GET").expect("a method"), &target).is_err() {
        return Ok(());
    }
    let parsed = Url::parse(text).expect("it parsed before");
    let host = parsed.host_str().expect("https has a host");
    prop_assert_eq!(host.trim_end_matches('.'), "api.example.com");
    prop_assert_eq!(parsed.port_or_known_default(), Some(443));
    if let Ok(uri) = target.url.as_str().parse::<http::Uri>() {
        prop_assert_eq!(uri.host(), Some("api.example.com"));
        prop_assert_eq!(uri.port_u16().unwrap_or(443), 443);
        prop_assert_eq!(
            uri.authority().map(|a| a.as_str().contains('@')),
            Some(false)
        );
        prop_assert_eq!(uri.path(), target.url.path());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn no_text_passes_for_a_host_it_does_not_name(text in near_urls()) {
        goes_where_it_was_allowed(&text)?;
    }

    #[test]
    fn no_arbitrary_text_does_either(text in "\\PC{0,40}", tail in "\\PC{0,20}") {
        goes_where_it_was_allowed(&text)?;
        goes_where_it_was_allowed(&format!("https://api.example.com{tail}"))?;
        goes_where_it_was_allowed(&format!("https://{tail}api.example.com/"))?;
    }
}
