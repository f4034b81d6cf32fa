use super::*;

fn ok(text: &str) -> RemoteUrl {
    RemoteUrl::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn the_accepted_forms() {
    assert_eq!(ok("/srv/a b%.git/").for_git(), "file:///srv/a%20b%25.git");
    assert_eq!(ok("/srv/a.git"), ok("file:///srv/a.git/"));
    assert_eq!(ok("file://localhost/srv/a.git"), ok("/srv/a.git"));
    let ssh = ok("ssh://git@Host.org:2222/a.git");
    assert_eq!(ssh.to_string(), "ssh://host.org:2222/a.git");
    assert_eq!(ssh.for_git(), "ssh://git@host.org:2222/a.git");
    let plain = ok("ssh://git@host.org.:22/%61%c3%a4%20.git/");
    assert_eq!(plain.for_git(), "ssh://git@host.org/a%C3%A4%20.git");
    assert_eq!(ok("https://H.org./%7Ea").for_git(), "https://h.org/~a");
    assert_eq!(ok("git@H.org.:A%61").for_git(), "git@h.org:A%61");
    assert_eq!(ok("/srv//a.git").for_git(), "file:///srv/a.git");
    let scp = ok("git@github.com:acme/a.git");
    assert_eq!(scp.for_git(), "git@github.com:acme/a.git");
    assert_eq!(scp.to_string(), "github.com:acme/a.git");
    assert_eq!(ok("https://H.org:443/a/").for_git(), "https://h.org/a");
    assert_eq!(ok("http://127.0.0.1:99/a").transport(), Transport::Http);
    assert_eq!(ok("http://[::1]:99/a").transport(), Transport::Http);
    assert_eq!(ok("ssh://[::1]:22/a").transport(), Transport::Ssh);
}

#[test]
fn everything_else_is_refused_without_showing_secrets() {
    for text in [
        "",
        "a",
        "./a",
        "../a.git",
        "git://h.org/a",
        "ext::sh -c evil",
        "ext::sh%20-c%20evil",
        "ftp://h.org/a",
        "http://h.org/a",
        "http://169.254.169.254/a",
        "https://h.org",
        "https://user:s3cr3t@h.org/a",
        "https://s3cr3t@h.org/a",
        "https://h.org/a?x=1",
        "https://u:s3cr3t@h:bad/a",
        "ssh://u:s3cr3t@h.org/a",
        "ssh://-oProxyCommand=evil/a",
        "ssh://h.org",
        "-oProxyCommand=evil:a",
        "a$(evil)@h.org:x",
        "h.org:-evil",
        "h.org:",
        "file://other/srv/a",
        "/srv/a\nb",
        "file:///srv/a%0Ab",
        "/",
        "/srv/../a",
        "/srv/./a",
        "/srv\\a",
        "file:///srv/%2e%2E/a",
        "file:///srv/a%2f..%2fb",
        "https://h.org/a/../b",
        "https://h.org/a/%2e%2E/b",
        "https://h.org/./a",
        "https://h.org/a/.%2e",
        "https://h.org//a",
        "https://h.org/a//b",
        "https://h.org/a//",
        "https://h.org/a%2Fb",
        "https://h.org/a%5C..%5Cb",
        "https://h.org/a\\..\\b",
        "https://h.org/a%00",
        "https://h.org/a%ff",
        "https:h.org://a",
        "https:///h.org/a",
        " https://h.org/a",
        "https://h..org/a",
        "https://h.org../a",
        "ssh://h.org/a/../b",
        "ssh://h.org/%2e%2e/b",
        "ssh://h.org//a",
        "git@h.org:../a",
        "git@h.org:a/./b",
        "git@h.org:a/%2e%2e/b",
        "git@h.org:a%2f..%2fb",
        "git@h.org:a//b",
        "git@h.org:a\\b",
        "git@h..org:a",
    ] {
        let error = RemoteUrl::parse(text).expect_err(text).to_string();
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn the_key_is_a_file_name_and_tells_remotes_apart() {
    let a = ok("https://h.org/a").key();
    assert_eq!(a.len(), 32);
    assert_eq!(a, ok("https://H.ORG:443/a/").key());
    assert_ne!(a, ok("https://h.org/b").key());
    assert_ne!(ok("ssh://u@h.org/a").key(), ok("ssh://v@h.org/a").key());
}
