//! No spelling of a shut address, and no name for one, is connected to.

use std::sync::atomic::Ordering;

use sortie_gateway::outbound::{OutboundError, Outcome};

use crate::rig::{Server, World, get, local, rule};

/// Hosts in URLs that lead, or that some parser would let lead, to where a
/// plugin has no business.
const SPELLINGS: [&str; 85] = [
    // Loopback.
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "127.000.000.001",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000177.1",
    "0x7f.0.0.1",
    "0x7F.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0x7f.1",
    "0x7f000001",
    "0X7F000001",
    "0x000000007f000001",
    "2130706433",
    "017700000001",
    "127.65535",
    "127.255.255.254",
    "127.0.0.1%00",
    "１２７.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "ｌｏｃａｌｈｏｓｔ",
    "%6cocalhost",
    "foo.localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[0::1]",
    "[::0.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[fe80::5efe:127.0.0.1]",
    "[::1%25lo]",
    "[::1%lo]",
    // This host, all hosts, everyone.
    "0.0.0.0",
    "0",
    "0x0",
    "00",
    "0.0",
    "[::]",
    "[::ffff:0.0.0.0]",
    "255.255.255.255",
    "4294967295",
    "224.0.0.1",
    "[ff02::1]",
    // Metadata and link-local.
    "169.254.169.254",
    "169.254.43518",
    "169.16689662",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "100.100.100.200",
    // Private networks.
    "10.0.0.1",
    "10.1",
    "0xa000001",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "[fc00::1]",
    "[::ffff:10.0.0.1]",
];

#[tokio::test]
async fn no_spelling_of_a_shut_address_is_connected_to() {
    let world = World::new();
    let server = Server::plain("127.0.0.1").await;
    for name in ["localhost", "foo.localhost"] {
        world.names.set(name, &[&["127.0.0.1"]]);
    }
    let port = server.port();
    for spelling in SPELLINGS {
        let url = format!("http://{spelling}:{port}/");
        // A grant for elsewhere, and one that names the very host without
        // saying that it may be private.
        let mut rules = vec![
            rule(&format!(
                "host = \"*.example.com\"\nschemes = [\"http\"]\nport = {port}\nprivate = true"
            )),
            rule(&format!(
                "host = \"198.51.100.1\"\nschemes = [\"http\"]\nport = {port}\nprivate = true"
            )),
        ];
        let normal = url::Url::parse(&url).ok().and_then(|url| {
            url.host_str()
                .map(|host| host.trim_end_matches('.').to_owned())
        });
        let named = normal.and_then(|host| {
            toml::from_str(&format!(
                "host = \"{host}\"\nschemes = [\"http\"]\nport = {port}"
            ))
            .ok()
        });
        rules.extend(named);
        let error = world.send(&rules, get(url)).await.expect_err(spelling);
        assert!(
            matches!(error, OutboundError::Denied(_) | OutboundError::Invalid(_)),
            "{spelling}: {error:?}"
        );
        assert!(
            matches!(world.row().await.outcome, Outcome::Refused(_)),
            "{spelling}"
        );
    }
    assert_eq!(server.seen.connections(), 0);

    let asked = world.names.questions.load(Ordering::SeqCst);

    // The same server is there for a rule that opens it, by whatever spelling.
    let rules = local("127.0.0.1", port, "");
    for spelling in ["127.0.0.1", "0x7f.1", "2130706433", "127.0.0.1."] {
        let answer = world
            .send(&rules, get(format!("http://{spelling}:{port}/")))
            .await;
        assert_eq!(answer.expect(spelling).status, 200);
    }
    assert_eq!(
        world.names.questions.load(Ordering::SeqCst),
        asked,
        "addresses are not looked up"
    );
}

#[tokio::test]
async fn no_name_leads_to_a_shut_address() {
    let world = World::new();
    let always = [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "169.254.1.1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001::1",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
    ];
    let unless_private = [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "fc00::1",
        "fdff::1",
        "fec0::1",
    ];
    let cases = always.iter().flat_map(|ip| [(ip, false), (ip, true)]);
    for (ip, private) in cases.chain(unless_private.iter().map(|ip| (ip, false))) {
        let rules = [rule(&format!("host = \"api.test\"\nprivate = {private}"))];
        // Alone, and hidden behind one that is fine.
        for answer in [vec![*ip], vec!["8.8.8.8", ip]] {
            world.names.set("api.test", &[&answer]);
            let error = world
                .send(&rules, get("https://api.test/".to_owned()))
                .await;
            let Err(OutboundError::Denied(text)) = error else {
                panic!("{answer:?}: {error:?}");
            };
            assert!(
                !text.contains(ip),
                "a guest does not read resolved addresses: {text}"
            );
            let entry = world.row().await;
            assert_eq!(entry.reason, Some("special-address"), "{ip}");
            let Outcome::Refused(row) = entry.outcome else {
                panic!("{ip}: not refused");
            };
            let seen = ip
                .parse::<std::net::IpAddr>()
                .expect("an address")
                .to_string();
            assert!(row.contains(&seen), "an operator does: {row}");
        }
    }
    world.names.set("api.test", &[&[]]);
    let rules = [rule("host = \"api.test\"")];
    for url in ["https://api.test/", "https://api.test./"] {
        let error = world.send(&rules, get(url.to_owned())).await;
        assert!(
            matches!(error, Err(OutboundError::Unreachable(_))),
            "{error:?}"
        );
    }
    let rules = [rule("host = \"unknown.test\"")];
    let error = world
        .send(&rules, get("https://unknown.test/".to_owned()))
        .await;
    assert_eq!(
        error,
        Err(OutboundError::Unreachable(
            "the host unknown.test does not resolve".to_owned()
        ))
    );
}

#[tokio::test]
async fn what_was_checked_is_what_is_connected_to() {
    let world = World::new();
    let first = Server::plain("127.0.0.1").await;
    let port = first.port();
    // The same port at another address, for a name that moves there.
    let second = tokio::net::TcpListener::bind(("127.0.0.2", port))
        .await
        .expect("binds");
    let rules = local("api.test", port, "");
    let url = format!("http://api.test:{port}/");

    // Each request asks once: the second answer would lead elsewhere.
    world
        .names
        .set("api.test", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let answer = world
        .send(&rules, get(url.clone()))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(world.names.questions.load(Ordering::SeqCst), 1);
    assert_eq!(first.seen.connections(), 1);

    // The name has moved: the kept connection is not for the new address.
    let (asked, accepted) = tokio::join!(world.send(&rules, get(url.clone())), async {
        second.accept().await.map(drop)
    });
    accepted.expect("the new address is connected to");
    assert!(matches!(asked, Err(OutboundError::Failed(_))), "{asked:?}");
    assert_eq!(first.seen.requests().len(), 1);

    // It moves to where nothing may go: warm connections do not help.
    world
        .names
        .set("api.test", &[&["127.0.0.1", "169.254.169.254"]]);
    let denied = world.send(&rules, get(url.clone())).await;
    assert!(
        matches!(denied, Err(OutboundError::Denied(_))),
        "{denied:?}"
    );

    // The grant is narrowed: the same connection is no longer for it.
    world.names.set("api.test", &[&["127.0.0.1"]]);
    let mut narrow = rules.clone();
    narrow[0].private = false;
    let denied = world.send(&narrow, get(url.clone())).await;
    assert!(
        matches!(denied, Err(OutboundError::Denied(_))),
        "{denied:?}"
    );
    assert_eq!(first.seen.requests().len(), 1);
    assert_eq!(
        world
            .send(&rules, get(url))
            .await
            .expect("an answer")
            .status,
        200
    );
    assert_eq!(
        first.seen.connections(),
        1,
        "and it is still there for the wider one"
    );
}
