//! What is said before there is a bot. Conversations are tested end to end
//! elsewhere.

use crate::rig::Rig;

/// A token of the right form, for a server that is not there.
const TOKEN: &str = "123456:AAright-form";

/// The address of a port where nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Nothing was installed.
fn untouched(rig: &Rig) {
    let list = rig.run(&["plugin", "list", "--json"]).json();
    let mut plugins = list["plugins"].as_array().unwrap().iter();
    assert!(plugins.all(|plugin| plugin["shipped"] == true), "{list}");
    assert!(!rig.path().join("data/telegram.json").exists());
    assert!(!rig.path().join("data/secrets/telegram-token").exists());
}

#[test]
fn what_is_no_token_is_refused_before_anything_is_done() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let setup = |file: &str| rig.run(&["telegram", "setup", "--token-file", file, "--yes"]);
    let gone = setup("nofile");
    assert_eq!(gone.code, 2, "{gone:?}");
    assert!(
        gone.stderr.contains("@BotFather gave you from nofile"),
        "{gone:?}"
    );
    assert!(!gone.stderr.contains("configuration"), "{gone:?}");
    rig.write("token", "hello\n");
    let hello = setup("token");
    assert_eq!(hello.code, 2, "{hello:?}");
    assert!(hello.stderr.contains("123456:ABC"), "{hello:?}");
    rig.write("token", " \n");
    assert_eq!(setup("token").code, 2);
    untouched(&rig);
}

#[test]
fn a_bot_api_that_is_away_is_told_with_its_cause_before_anything_is_done() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    rig.write("token", TOKEN);
    let url = nowhere();
    let setup = [
        "telegram",
        "setup",
        "--token-file",
        "token",
        "--yes",
        "--api-url",
        &url,
    ];
    let away = rig.run(&setup);
    assert_eq!(away.code, 4, "{away:?}");
    assert!(away.stderr.contains("refuses the connection"), "{away:?}");
    assert!(!away.stderr.contains("AAright-form"), "{away:?}");
    let json = rig.run(&[&setup[..], &["--json"]].concat());
    assert_eq!(json.error()["kind"], "service-away");
    let wrong = rig.run(&[
        "telegram",
        "setup",
        "--token-file",
        "token",
        "--api-url",
        "nowhere",
    ]);
    assert_eq!(wrong.code, 4, "{wrong:?}");
    assert!(wrong.stderr.contains("http:// or https://"), "{wrong:?}");
    untouched(&rig);
}

#[test]
fn without_a_bot_each_command_says_so() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let status = rig.run(&["telegram", "status"]);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(
        status.stdout.contains("sortie telegram setup"),
        "{status:?}"
    );
    let remove = rig.run(&["telegram", "remove", "--json"]);
    assert_eq!(remove.error()["kind"], "no-bot");
    for args in [&["telegram", "parked"][..], &["telegram", "parked", "list"]] {
        assert_eq!(rig.run(args).stdout, "no message is parked\n");
    }
    let doctor = rig.run(&["doctor"]).stdout;
    let row = doctor.lines().find(|line| line.contains("no bot")).unwrap();
    assert!(row.starts_with("ok    telegram"), "{row}");
}

#[test]
fn a_level_that_is_none_is_told_with_those_that_are() {
    let rig = Rig::configured();
    let (_host, _) = rig.serve();
    let loud = ["people", "chat", "telegram", "12", "--project", "shop=loud"];
    let loud = rig.run(&loud);
    assert_eq!(loud.code, 4, "{loud:?}");
    assert!(
        loud.stderr.contains("\"loud\" is not a level; write"),
        "{loud:?}"
    );
}
