//! The table of what must not leave: each spelling refused with its reason,
//! written down once, and nothing of it connected to.

use crate::rig::{Rig, Server, hello};
use sortie_gateway::egress::Outcome;
use std::fmt::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// User info that must be found nowhere.
const CANARY: &str = "c4n4ry-s3cret";

/// A request and the word that refuses it.
type Case = (String, &'static str);

/// The case for the port of a server that is there, so that one which is not
/// refused reaches it.
fn aimed(case: &str, port: u16) -> String {
    let mut case = case
        .replace("443", &port.to_string())
        .replace("65979", &(65_536 + u32::from(port)).to_string());
    for name in ["plain.example", "evil.example"] {
        for end in ["/", "\r\n"] {
            case = case.replace(&format!("{name}{end}"), &format!("{name}:{port}{end}"));
        }
    }
    case
}

fn connect(target: &str) -> String {
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")
}

/// Hosts that no rule names, in spellings that other readers take for one that
/// a rule names, or for a place inside.
fn not_listed() -> Vec<Case> {
    let hosts = [
        "evil.example",
        "xallowed.example",
        "sub.allowed.example",
        "allowed.example.evil.org",
        "allowed-example",
        "allowed.exampl",
        "xn--llowed-2nf.example",
        "wild.example",
        "xwild.example",
        "wild.example.evil.org",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "localhost.localdomain",
        "metadata.google.internal",
        "host.docker.internal",
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "0x7F.0x0.0x0.0x1",
        "017700000001",
        "0177.0.0.1",
        "2130706433",
        "00000177.0.0.01",
        "127.000.000.001",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "0xa.0.0.1",
        "167772161",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "100.100.100.200",
        "192.168.0.1",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ];
    hosts
        .iter()
        .map(|host| (connect(&format!("{host}:443")), "not-listed"))
        .chain([(
            "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
            "not-listed",
        )])
        .collect()
}

/// Requests that readers disagree about, or that are none.
fn malformed() -> Vec<Case> {
    let get = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: plain.example\r\n{fields}\r\n")
    };
    let post = |fields: &str, body: &str| {
        format!("POST http://plain.example/ HTTP/1.1\r\nHost: plain.example\r\n{fields}\r\n{body}")
    };
    let mut cases = vec![
        // Two hosts, or another one than the target's.
        connect("allowed.example:443").replace("Host: allowed", "Host: evil"),
        connect("allowed.example:443").replace("\r\n\r\n", "\r\nHost: evil.example\r\n\r\n"),
        connect("allowed.example:443")
            .replace("Host: allowed.example:443", "Host: allowed.example:80"),
        get("http://plain.example/", "").replace("Host: plain", "Host: evil"),
        get("http://plain.example/", "Host: plain.example\r\n"),
        get("http://plain.example/", "").replace("Host: plain.example", "Host: plain.example:81"),
        get("http://plain.example/", "").replace("Host: plain.example", "Host: "),
        // User info, with and without another host in it.
        get(&format!("http://user:{CANARY}@plain.example/"), ""),
        get(&format!("http://plain.example:{CANARY}@evil.example/"), ""),
        get(&format!("http://{CANARY}@plain.example/"), ""),
        connect(&format!("user:{CANARY}@allowed.example:443")),
        connect(&format!("allowed.example:{CANARY}@evil.example:443")),
        // Ports that are none.
        connect("allowed.example"),
        connect("allowed.example:"),
        connect("allowed.example:0"),
        connect("allowed.example:+443"),
        connect("allowed.example:0443"),
        connect("allowed.example:65979"),
        connect("allowed.example:443443443"),
        connect("allowed.example:443:443"),
        connect("allowed.example:https"),
        connect("[::1"),
        connect("::1:443"),
        // Hosts that are none.
        connect(":443"),
        connect("allowed.example..:443"),
        connect("allowed..example:443"),
        connect(".allowed.example:443"),
        connect("%61llowed.example:443"),
        connect("allowed.example%00.evil.org:443"),
        connect("allowed.example%2eevil.org:443"),
        connect("allowed.example/:443"),
        connect("allowed.example?:443"),
        connect("allowed.example#:443"),
        connect("allowed.example\\.evil.org:443"),
        connect("*.wild.example:443"),
        connect("*:443"),
        connect("[fe80::1%25eth0]:443"),
        connect("[::ffff:127.0.0.1:443"),
        connect("1.2.3.4.5:443"),
        connect("0x100000000:443"),
        connect(&format!("{}.example:443", "a".repeat(64))),
        get("http://plain.example\\@evil.example/", ""),
        get("http://plain.example#@evil.example/", ""),
        get("http:///plain.example/", ""),
        get("http://plain.example/#fragment", ""),
        // Lengths and encodings that hide a second request.
        post(
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        post(
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "0\r\n\r\n",
        ),
        post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
        post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        post("Content-Length: +5\r\n", "hello"),
        post("Content-Length: 0x5\r\n", "hello"),
        post("Content-Length: 5, 5\r\n", "hello"),
        post("Content-Length: -1\r\n", "hello"),
        post("Content-Length: 99999999999999999999\r\n", "hello"),
        post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        post(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding:\x0bchunked\r\n", "0\r\n\r\n"),
        "POST http://plain.example/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            .to_owned(),
        connect("allowed.example:443").replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello"),
        connect("allowed.example:443")
            .replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"),
        // Line ends, white space and control characters.
        "GET http://plain.example/ HTTP/1.1\nHost: plain.example\n\n".to_owned(),
        "GET http://plain.example/ HTTP/1.1\r\nHost: plain.example\nX: y\r\n\r\n".to_owned(),
        get("http://plain.example/\thttp://evil.example/", ""),
        get("http://plain.example/", "X: a\r\n folded\r\n"),
        get("http://plain.example/", "X: a\0b\r\n"),
        get("http://plain.example/", "X\x01: b\r\n"),
        get("http://plain.example/", ": nameless\r\n"),
        get("http://pl\u{e4}in.example/", ""),
        get(" http://plain.example/", ""),
        connect(" allowed.example:443"),
        connect("allowed.example:443 "),
        connect("allowed.example :443"),
        connect("allowed.example:443\r\n\r\nGET http://evil.example/"),
        // Methods and versions that nobody speaks here.
        "TRACE http://plain.example/ HTTP/1.1\r\nHost: plain.example\r\n\r\n".to_owned(),
        "get http://plain.example/ HTTP/1.1\r\nHost: plain.example\r\n\r\n".to_owned(),
        "GET http://plain.example/ HTTP/2.0\r\nHost: plain.example\r\n\r\n".to_owned(),
        "GET http://plain.example/\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01\x00".to_owned(),
        "\x05\x01\x00".to_owned(),
        "CONNECT".to_owned(),
    ];
    let mut many = get("http://plain.example/", "");
    many.truncate(many.len() - 2);
    for n in 0..200 {
        let _ = write!(many, "X-{n}: y\r\n");
    }
    cases.push(format!("{many}\r\n"));
    cases.into_iter().map(|case| (case, "malformed")).collect()
}

fn others() -> Vec<Case> {
    let huge = format!(
        "GET http://plain.example/ HTTP/1.1\r\nX: {}\r\n\r\n",
        "y".repeat(64 * 1024)
    );
    let target = format!(
        "GET http://plain.example/{} HTTP/1.1\r\n\r\n",
        "p".repeat(40 * 1024)
    );
    [
        (huge, "head-too-large"),
        (target, "head-too-large"),
        (
            "GET / HTTP/1.1\r\nHost: plain.example\r\n\r\n".to_owned(),
            "not-a-proxy-request",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: plain.example\r\n\r\n".to_owned(),
            "not-a-proxy-request",
        ),
        (
            "GET ftp://plain.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "not-a-proxy-request",
        ),
        (
            "GET file:///etc/passwd HTTP/1.1\r\n\r\n".to_owned(),
            "not-a-proxy-request",
        ),
        (
            "GET plain.example:80 HTTP/1.1\r\n\r\n".to_owned(),
            "not-a-proxy-request",
        ),
        (
            "GET https://allowed.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "not-a-tunnel",
        ),
        (
            "GET HTTPS://allowed.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "not-a-tunnel",
        ),
        (connect("allowed.example:22"), "other-port"),
        (connect("allowed.example:80"), "other-port"),
        (connect("plain.example:8080"), "other-port"),
        (
            "GET http://allowed.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "other-port",
        ),
    ]
    .into()
}

/// Names below an allowed domain that lead to places that no such rule opens.
const SPECIAL: [&[&str]; 24] = [
    &["127.0.0.1"],
    &["127.255.255.254"],
    &["10.1.2.3"],
    &["172.16.0.1"],
    &["192.168.1.1"],
    &["100.64.0.1"],
    &["169.254.0.1"],
    &["169.254.169.254"],
    &["100.100.100.200"],
    &["168.63.129.16"],
    &["0.0.0.0"],
    &["224.0.0.1"],
    &["255.255.255.255"],
    &["192.0.2.1"],
    &["198.18.0.1"],
    &["240.0.0.1"],
    &["::1"],
    &["::ffff:10.0.0.1"],
    &["fe80::1"],
    &["fd12::1"],
    &["64:ff9b::10.0.0.1"],
    &["2002:7f00:1::1"],
    &["::127.0.0.1"],
    // One that is open does not open the other.
    &["93.184.216.34", "10.0.0.1"],
];

#[tokio::test]
async fn every_hostile_spelling_is_refused_with_its_reason_and_written_down() {
    let inside = Server::echo("127.0.0.1").await;
    let port = inside.port();
    let rig = Rig::new(&format!(
        "{{ host = \"allowed.example\", ports = [{port}], allow_private = true }}, \
         {{ host = \"plain.example\", ports = [{port}], allow_private = true }}, \
         {{ host = \"*.wild.example\", ports = [{port}] }}"
    ));
    for name in ["allowed.example", "plain.example", "evil.example"] {
        rig.names.set(name, &[&["127.0.0.1"]]);
    }
    let mut cases: Vec<Case> = [not_listed(), malformed(), others()].concat();
    for (n, addresses) in SPECIAL.iter().enumerate() {
        let name = format!("n{n}.wild.example");
        rig.names.set(&name, &[addresses]);
        cases.push((connect(&format!("{name}:443")), "special-address"));
    }
    assert!(cases.len() >= 80, "{}", cases.len());
    for (case, reason) in &cases {
        let case = aimed(case, port);
        let answer = rig.send(case.as_bytes()).await;
        let row = rig.owner.row().await;
        let shown = case.chars().take(120).collect::<String>();
        assert_eq!(row.reason, Some(*reason), "{shown:?}: {row:?}\n{answer}");
        assert_eq!(row.outcome, Outcome::Refused, "{shown:?}: {row:?}");
        assert_eq!(
            (row.up_bytes, row.down_bytes, row.address),
            (0, 0, None),
            "{shown:?}"
        );
        assert_eq!(rig.owner.rows_left(), 0, "{shown:?} has one row");
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(status.starts_with('4'), "{shown:?}: {answer}");
        let told = format!("{answer}{row:?}");
        assert!(!told.contains(CANARY), "{shown:?}: {told}");
        // Who asks is not told what is behind a name.
        for address in ["127.0.0.1 ", "10.0.0.1 ", "loopback", "metadata address"] {
            assert!(!answer.contains(address), "{shown:?}: {answer}");
        }
    }
    let told = format!("{:?}", rig.owner.refusals());
    assert!(!told.contains(CANARY), "{told}");
    // What is allowed gets there, and is the first to: connections are counted
    // in the order in which they are made.
    let (mut near, _served) = rig.tunnel(&format!("allowed.example:{port}")).await;
    let first = hello("allowed.example");
    near.write_all(&first).await.expect("it is carried");
    let mut back = vec![0; first.len()];
    near.read_exact(&mut back).await.expect("it comes back");
    assert_eq!(inside.connections(), 1);
}

#[tokio::test]
async fn a_host_that_is_refused_is_a_question_only_when_a_person_can_open_it() {
    let rig = Rig::new("{ host = \"*.wild.example\" }");
    rig.names.set("in.wild.example", &[&["10.0.0.1"]]);
    for target in [
        "new.example:443",
        "a.wild.example:22",
        "in.wild.example:443",
    ] {
        rig.send(connect(target).as_bytes()).await;
    }
    let asked: Vec<_> = rig
        .owner
        .refusals()
        .into_iter()
        .map(|refusal| (refusal.host.to_string(), refusal.reason, refusal.question))
        .collect();
    assert_eq!(
        asked,
        [
            ("new.example".to_owned(), "not-listed", true),
            ("a.wild.example".to_owned(), "other-port", true),
            ("in.wild.example".to_owned(), "special-address", false),
        ]
    );
}

#[tokio::test]
async fn what_was_checked_is_what_is_connected_to() {
    let first = Server::echo("127.0.0.1").await;
    let port = first.port();
    let rig = Rig::new(&format!(
        "{{ host = \"turning.example\", ports = [{port}], tls = false, allow_private = true }}"
    ));
    // The second answer would be another place.
    rig.names
        .set("turning.example", &[&["127.0.0.1"], &["127.0.0.9"]]);
    let (mut near, served) = rig.tunnel(&format!("turning.example:{port}")).await;
    near.write_all(b"there").await.expect("it is carried");
    let mut back = [0; 5];
    near.read_exact(&mut back).await.expect("it comes back");
    assert_eq!(
        rig.names
            .questions
            .load(std::sync::atomic::Ordering::SeqCst),
        1
    );
    drop(near);
    served.await.expect("serving does not panic");
    let row = rig.owner.row().await;
    assert_eq!(row.address, Some("127.0.0.1".parse().expect("an address")));
    assert_eq!((row.up_bytes, row.down_bytes), (5, 5));
}

#[tokio::test]
async fn a_tunnel_carries_tls_to_its_own_host_and_nothing_else() {
    let far = Server::echo("127.0.0.1").await;
    let port = far.port();
    let rig = Rig::new(&format!(
        "{{ host = \"allowed.example\", ports = [{port}], allow_private = true }}, \
         {{ host = \"127.0.0.1\", ports = [{port}], allow_private = true }}"
    ));
    rig.names.set("allowed.example", &[&["127.0.0.1"]]);
    let mut cut = hello("allowed.example");
    cut.truncate(40);
    let mut long = hello("allowed.example");
    long[3] = 0xff;
    for (target, bytes, reason) in [
        ("allowed.example", hello("evil.example"), "other-name"),
        (
            "allowed.example",
            hello("sub.allowed.example"),
            "other-name",
        ),
        ("allowed.example", hello("127.0.0.1"), "no-name"),
        ("127.0.0.1", hello("evil.example"), "other-name"),
        (
            "allowed.example",
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            "not-tls",
        ),
        ("allowed.example", b"SSH-2.0-x\r\n".to_vec(), "not-tls"),
        ("allowed.example", vec![22; 64], "not-tls"),
        ("allowed.example", vec![22, 3, 1, 0, 0], "not-tls"),
        ("allowed.example", cut, "not-tls"),
        ("allowed.example", long, "not-tls"),
        // A record of the right kind that is no first message.
        (
            "allowed.example",
            vec![22, 3, 3, 0, 4, 14, 0, 0, 0],
            "not-tls",
        ),
    ] {
        let (mut near, served) = rig.tunnel(&format!("{target}:{port}")).await;
        let _ = near.write_all(&bytes).await;
        let _ = near.shutdown().await;
        let mut back = Vec::new();
        near.read_to_end(&mut back).await.expect("it ends");
        assert!(back.is_empty(), "{reason}: {back:?}");
        served.await.expect("serving does not panic");
        let row = rig.owner.row().await;
        assert_eq!(
            (row.outcome, row.reason),
            (Outcome::Refused, Some(reason)),
            "{row:?}"
        );
        assert_eq!(row.up_bytes, 0, "nothing of it left: {row:?}");
    }
}
