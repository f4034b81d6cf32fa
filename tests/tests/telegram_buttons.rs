//! What is decided by a button besides a change: whether a budget is raised and
//! whether a host is let in. And what is too long for a message comes as a file.

mod chat;

use anyhow::{Context, Result, ensure};
use chat::{ANA, BEN, CHEAT, Talk};
use reqwest::Method;
use serde_json::json;
use sortie_guests::pure::Budget;
use sortie_package::{Manifest, section};
use sortie_servers::Shown;
use sortie_tests::HostOptions;

const GROUP: i64 = -100_700;

/// The budget plugin of the tests about money asks as long as the limit is its
/// own, of ten calls.
async fn short_of_money() -> Result<Talk> {
    let talk = Talk::with(HostOptions {
        defaults: "budget_plugin = \"asks\"".to_owned(),
        ..HostOptions::default()
    })
    .await?;
    let asks = Budget {
        evaluate: "(if (result i32) (i32.le_u (local.get $max-calls) (i32.const 10))
            (then (i32.const 2216)) (else (i32.const 1024)))"
            .into(),
        ..Budget::default()
    };
    let manifest = "name = \"asks\"\nversion = \"1.0.0\"\nsurfaces = [\"budget\"]\n";
    let package = section::embed(&asks.build(), &Manifest::from_toml(manifest)?)?;
    let (status, answer) = talk.host.install(package).await?;
    ensure!(status == 201, "{answer}");
    talk.pair(ANA, "owner").await?;
    Ok(talk)
}

/// Waits for the message with a button that begins so; returns both.
async fn asks(talk: &Talk, chat: i64, begins: &str) -> Result<(Shown, String)> {
    let label = |shown: &Shown| {
        let mut labels = shown.buttons.iter().map(|(label, _)| label.clone());
        labels.find(|label| label.starts_with(begins))
    };
    let shown = talk.sees(chat, |shown| label(shown).is_some()).await?;
    let label = label(&shown).context("it has the button")?;
    Ok((shown, label))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_raised_by_a_button_and_the_run_goes_on() -> Result<()> {
    let talk = short_of_money().await?;
    talk.api
        .says(ANA, ANA, "/task sample sed -i s/teh/the/ README.md");
    let (question, raise) = asks(&talk, ANA, "Raise").await?;
    assert!(
        question.text.contains("what is done so far is kept"),
        "{}",
        question.text
    );
    assert!(talk.remote.pushes()?.is_empty());
    let press = talk.api.presses(ANA, ANA, question.id, &raise);
    assert_eq!(talk.note(&press).await?, "Raised. It goes on.");
    talk.reads(ANA, "#1 succeeded").await?;
    let closed = talk
        .sees(ANA, |shown| {
            shown.id == question.id && shown.buttons.is_empty()
        })
        .await?;
    let by = "Raised by User 11";
    assert!(closed.text.contains(by), "{}", closed.text);
    let job = talk.host.job(1).await?;
    assert_eq!(job["attempts"], 1, "it is the same run: {job}");
    talk.host
        .wait_event(1, |event| event["kind"] == "budget.raised")
        .await?;
    assert_eq!(talk.remote.pushes()?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_not_raised_by_who_may_not_and_stop_stops() -> Result<()> {
    let talk = short_of_money().await?;
    talk.pair(BEN, "requester").await?;
    talk.api
        .says(BEN, BEN, "/task sample sed -i s/teh/the/ README.md");
    let (question, raise) = asks(&talk, BEN, "Raise").await?;
    let press = talk.api.presses(BEN, BEN, question.id, &raise);
    let note = talk.note(&press).await?;
    assert!(note.contains("needs the role approver"), "{note}");
    assert_eq!(talk.host.job(1).await?["state"], "awaiting_approval");

    // What was refused used nothing up: with the role the buttons count.
    talk.host.run(&[
        "people", "add", "telegram", "12", "--role", "approver", "--name", "Ben",
    ])?;
    let (question, stop) = asks(&talk, BEN, "Stop").await?;
    let press = talk.api.presses(BEN, BEN, question.id, &stop);
    assert_eq!(talk.note(&press).await?, "Stopped.");
    let end = talk.reads(BEN, "#1 halted").await?;
    assert!(end.text.contains("Stopped by"), "{}", end.text);
    assert!(talk.remote.pushes()?.is_empty());
    Ok(())
}

/// Asks the proxy for a host until it says something else than that the host is
/// not on the list. There is no such host, so nothing leaves this machine.
const REACHES: &str = "p=${http_proxy#http://}; p=${p%/}; \
    ask() { bash -c \"exec 3<>/dev/tcp/${p%:*}/${p#*:}; printf 'GET $1 HTTP/1.1\\r\\n\\r\\n' >&3; \
    cat <&3\"; }; \
    while r=$(ask http://told.invalid/); case $r in *allow-list*|'') true;; *) false;; esac; \
    do sleep 1; done; echo more >> README.md";

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_let_in_by_a_button_while_the_run_goes_on() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(ANA, ANA, &format!("/task sample {REACHES}"));
    let (question, for_the_job) = asks(&talk, ANA, "For the job").await?;
    for part in ["#1 wants to reach", "told.invalid"] {
        assert!(question.text.contains(part), "{part} in {}", question.text);
    }
    assert_eq!(talk.host.job(1).await?["state"], "running");
    let press = talk.api.presses(ANA, ANA, question.id, &for_the_job);
    assert_eq!(talk.note(&press).await?, "Allowed.");
    let ruled = talk
        .host
        .wait_event(1, |event| event["kind"] == "egress.allowed")
        .await?;
    assert_eq!(ruled["data"]["scope"], "job", "{ruled}");
    assert_eq!(ruled["data"]["via"], "plugin:telegram", "{ruled}");
    talk.reads(ANA, "#1 succeeded").await?;
    let closed = talk
        .sees(ANA, |shown| {
            shown.id == question.id && shown.buttons.is_empty()
        })
        .await?;
    assert!(closed.text.contains("may be reached"), "{}", closed.text);
    assert_eq!(questions(&talk), 1, "however often the job tried");
    Ok(())
}

/// How often a host was asked about.
fn questions(talk: &Talk) -> usize {
    let created = talk.api.created().into_iter();
    created
        .filter(|one| one.text.contains("wants to reach"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_let_in_for_the_whole_project_by_an_owner_alone() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "approver").await?;
    let group = GROUP.to_string();
    talk.host
        .run(&["people", "chat", "telegram", &group, "--admit"])?;
    talk.api.group(GROUP, true);
    let task = format!("/task sample {REACHES}");
    talk.api.says(GROUP, ANA, &task);
    let (question, for_all) = asks(&talk, GROUP, "For the project").await?;
    let press = talk.api.presses(GROUP, BEN, question.id, &for_all);
    let note = talk.note(&press).await?;
    assert!(note.contains("needs the role owner"), "{note}");
    assert_eq!(talk.host.job(1).await?["state"], "running");

    let press = talk.api.presses(GROUP, ANA, question.id, &for_all);
    assert_eq!(talk.note(&press).await?, "Allowed.");
    let ruled = talk
        .host
        .wait_event(1, |event| event["kind"] == "egress.allowed")
        .await?;
    assert_eq!(ruled["data"]["scope"], "project", "{ruled}");
    talk.reads(GROUP, "#1 succeeded").await?;
    talk.api.says(ANA, ANA, &task);
    talk.reads(ANA, "#2 succeeded").await?;
    assert_eq!(questions(&talk), 1, "the project's next job may");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_denied_stays_out_of_reach_and_the_run_goes_on() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(ANA, ANA, &format!("/task sample {REACHES}"));
    let (question, deny) = asks(&talk, ANA, "Deny").await?;
    let press = talk.api.presses(ANA, ANA, question.id, &deny);
    assert_eq!(talk.note(&press).await?, "Denied.");
    let ruled = talk
        .host
        .wait_event(1, |event| event["kind"] == "egress.denied")
        .await?;
    assert_eq!(ruled["data"]["scope"], "job", "{ruled}");
    // Its next request is told so, in other words than the ones it waits out.
    talk.reads(ANA, "#1 succeeded").await?;
    let closed = talk
        .sees(ANA, |shown| {
            shown.id == question.id && shown.buttons.is_empty()
        })
        .await?;
    let text = &closed.text;
    assert!(text.contains("stays out of reach"), "{text}");
    assert_eq!(questions(&talk), 1);
    Ok(())
}

/// A question about a change that takes a file, and the message of that file.
async fn long_change(talk: &Talk, more: &str) -> Result<(Shown, Shown)> {
    let task = format!("/task sample {CHEAT}; seq 1 5000 > numbers.txt{more}");
    talk.api.says(ANA, ANA, &task);
    let (question, _) = asks(talk, ANA, "Approve").await?;
    let file = talk.reads(ANA, "The whole change of #1").await?;
    Ok((question, file))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_change_comes_as_a_file() -> Result<()> {
    let talk = Talk::start().await?;
    let (question, caption) = long_change(&talk, "").await?;
    assert!(
        question.text.encode_utf16().count() <= 4_096,
        "{}",
        question.text
    );
    assert!(!question.text.contains("+5000"), "{}", question.text);
    for part in ["+@unittest.skip", "more changed lines in the file below"] {
        assert!(question.text.contains(part), "{part} in {}", question.text);
    }
    assert_eq!(caption.reply_to, Some(question.id));
    let files = talk.api.documents();
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].chat, &*files[0].name), (ANA, "1.diff"));
    let (status, diff) = talk.host.call(Method::GET, "/v1/jobs/1/diff", None).await?;
    assert_eq!(status, 200, "{diff}");
    let whole = String::from_utf8(files[0].bytes.clone())?;
    assert!(whole.contains("\n+5000\n") && whole.contains("+@unittest.skip"));
    assert_eq!(diff.as_str(), Some(&*whole), "it is the change as it is");
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_vault_knows_is_in_no_question_and_no_file() -> Result<()> {
    const KEY: &str = "what-the-shop-asks-for";
    let talk = Talk::with(HostOptions {
        more: format!("[secrets]\nshop = {{ value = \"{KEY}\" }}\n"),
        ..HostOptions::default()
    })
    .await?;
    talk.pair(ANA, "owner").await?;
    // In the first file of the change, which the question shows, and in the last.
    let (begin, end) = KEY.split_at(9);
    let leak = format!("; printf '%s%s\\n' {begin} {end} | tee a.txt > z.txt");
    let (question, _) = long_change(&talk, &leak).await?;
    let text = &question.text;
    assert!(text.contains("[redacted:shop]"), "{text}");
    assert!(!text.contains(KEY), "{text}");
    let (status, diff) = talk.host.call(Method::GET, "/v1/jobs/1/diff", None).await?;
    assert_eq!(status, 200, "{diff}");
    let made = diff.as_str().context("it is a text")?;
    assert!(made.contains(&format!("\n+{KEY}\n")), "it is in the change");
    let files = talk.api.documents();
    assert_eq!(files.len(), 1);
    let sent = String::from_utf8(files[0].bytes.clone())?;
    assert_eq!(sent, made.replace(KEY, "[redacted:shop]"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caption_of_a_file_is_changed() -> Result<()> {
    let mut talk = Talk::start().await?;
    let (_, file) = long_change(&talk, "").await?;
    talk.told().await?;
    talk.host.stop().await?;
    // No plugin of this repository changes the caption of a file.
    let database = rusqlite::Connection::open(talk.host.data_dir().join("sortie.db"))?;
    let message = json!({
        "text": "**It** is over", "format": "markdown", "buttons": [], "reply_to": null,
        "silent": false,
    });
    let queued = database.execute(
        "INSERT INTO chat_outbox (plugin, source, kind, number, body, state, not_before, queued_at)
         SELECT plugin, source, 'edit', number, ?1, 'pending', 0, 0 FROM chat_messages
         WHERE service_id = ?2",
        (
            json!({ "message": message }).to_string(),
            file.id.to_string(),
        ),
    )?;
    assert_eq!(queued, 1);
    drop(database);
    talk.host.serve().await?;
    let changed = talk.reads(ANA, "It is over").await?;
    assert_eq!((changed.id, changed.edits), (file.id, 1));
    assert_eq!(talk.api.documents().len(), 1);
    Ok(())
}
