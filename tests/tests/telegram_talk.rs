//! A conversation as people have it: from a bot that knows nobody to work that
//! goes on by a reply.

mod chat;

use anyhow::{Context, Result};
use chat::{ANA, BEN, CHEAT, Talk, code};
use serde_json::{Value, json};
use sortie_servers::Shown;
use sortie_tests::{HostOptions, WAIT};
use std::collections::BTreeSet;

const GROUP: i64 = -100_500;

/// Ana says something; what answers it.
async fn answered(talk: &Talk, text: &str) -> Result<Shown> {
    let asked = talk.api.says(ANA, ANA, text);
    talk.sees(ANA, |shown| shown.is_own && shown.reply_to == Some(asked))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_second_task_by_reply() -> Result<()> {
    let talk = Talk::unpaired().await?;
    talk.enter(ANA, &talk.setup).await?;
    let list: Value = serde_json::from_str(&talk.host.run(&["people", "list", "--json"])?)?;
    let people = list["people"].as_array().context("there is a list")?;
    assert_eq!(people.len(), 1, "{list}");
    assert_eq!(people[0]["user"], "11", "{list}");
    assert_eq!(people[0]["role"], "owner", "{list}");
    let names = talk.api.commands().to_string();
    for name in ["task", "status", "cancel", "help"] {
        assert!(names.contains(name), "{name} in {names}");
    }
    let task = format!("/task sample {WAIT}; sed -i s/teh/the/ README.md");
    talk.api.says(ANA, ANA, &task);
    let progress = talk.reads(ANA, "#1").await?;
    talk.sees(ANA, |shown| shown.id == progress.id && shown.pinned)
        .await?;
    talk.host.begun(1).await?;
    talk.host.go_on()?;
    let end = talk.reads(ANA, "#1 succeeded").await?;
    assert_ne!(progress.id, end.id, "the end is a message of its own");
    let progress = talk
        .sees(ANA, |shown| {
            shown.id == progress.id && shown.text.contains("succeeded") && !shown.pinned
        })
        .await?;
    assert!(progress.edits > 0, "{progress:?}");

    talk.api
        .replies(ANA, ANA, "echo more >> README.md", progress.id);
    talk.reads(ANA, "#2 succeeded").await?;
    talk.api.says(ANA, ANA, "/status 2");
    talk.reads(ANA, "asked for by User 11").await?;
    let branches = talk.remote.branches()?;
    assert_eq!(branches.len(), 1, "the thread has one branch: {branches:?}");
    assert_eq!(
        talk.remote.file(&branches[0], "README.md")?,
        "the start\nmore\n"
    );
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_by_somebody_else_who_may() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "approver").await?;
    talk.host
        .run(&["people", "chat", "telegram", &GROUP.to_string(), "--admit"])?;
    talk.api.group(GROUP, true);
    talk.api.says(GROUP, ANA, "good morning");
    talk.api.says(GROUP, ANA, "/help@other_bot");
    talk.api
        .says(GROUP, ANA, &format!("/task@sortie_test_bot sample {CHEAT}"));
    let question = talk.sees(GROUP, |shown| !shown.buttons.is_empty()).await?;
    assert!(question.text.contains("test_a.py"), "{}", question.text);
    let press = talk.api.presses(GROUP, BEN, question.id, "Approve");
    assert_eq!(talk.note(&press).await?, "Approved.");
    talk.reads(GROUP, "#1 succeeded").await?;
    let closed = talk.sees(GROUP, |shown| shown.id == question.id).await?;
    assert!(
        closed.buttons.is_empty() && closed.text.contains("User 12"),
        "{closed:?}"
    );
    let shown = talk.api.shown(GROUP);
    for unheard in ["good morning", "/help@other_bot"] {
        let said = shown
            .iter()
            .find(|shown| shown.text == unheard)
            .context("it was said")?;
        assert!(shown.iter().all(|shown| shown.reply_to != Some(said.id)));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_the_code_is_answered_and_changes_nothing() -> Result<()> {
    let talk = Talk::with(HostOptions {
        more: "[plugins.agent-shell]\nquestions = \"run\"\n".to_owned(),
        ..HostOptions::default()
    })
    .await?;
    talk.pair(ANA, "owner").await?;
    talk.api.says(
        ANA,
        ANA,
        "/ask sample cat README.md; echo touched >> README.md || true",
    );
    let answer = talk.reads(ANA, "#1 succeeded").await?;
    assert!(answer.text.contains("teh start"), "{}", answer.text);
    let job = talk.host.job(1).await?;
    assert_eq!(job["policy"]["workflow"], "workflow-ask", "{job}");
    assert!(talk.remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_told_beside_what_a_day_may_cost() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(ANA, ANA, "/budget");
    let money = talk.reads(ANA, "All projects").await?;
    for part in [
        "All projects $0.00 of $50.00 today",
        "sample $0.00 of $20.00 today",
    ] {
        assert!(money.text.contains(part), "{part} in {}", money.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_moves_is_followed() -> Result<()> {
    let talk = Talk::start().await?;
    let old = -77;
    talk.host
        .run(&["people", "chat", "telegram", &old.to_string(), "--admit"])?;
    talk.api.group(old, false);
    let task = format!("/task sample {WAIT}; echo more >> README.md");
    talk.api.says(old, ANA, &task);
    talk.reads(old, "#1").await?;
    talk.host.begun(1).await?;
    talk.api.migrate(old, GROUP);
    talk.host.go_on()?;
    talk.reads(GROUP, "#1 succeeded").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lets_in_one_person_once() -> Result<()> {
    let talk = Talk::start().await?;
    let said = talk.host.run(&["telegram", "pair", "--role", "viewer"])?;
    let code = code(&said)?;
    talk.api.says(BEN, BEN, "/start WRONG000");
    talk.api.says(BEN, BEN, &format!("/start {code}"));
    talk.reads(BEN, "Welcome, User 12: you are viewer.").await?;
    talk.api.says(13, 13, &format!("/start {code}"));
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;
    assert!(talk.api.shown(13).iter().all(|shown| !shown.is_own));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_codes_let_in_a_person_each_and_say_who_they_are() -> Result<()> {
    let talk = Talk::start().await?;
    let viewer = talk.host.run(&["telegram", "pair", "--role", "viewer"])?;
    assert!(viewer.contains("for 15 minutes, until "), "{viewer}");
    let requester = talk
        .host
        .run(&["telegram", "pair", "--role", "requester"])?;
    talk.enter(13, &viewer).await?;
    talk.reads(13, "Welcome, User 13: you are viewer.").await?;
    talk.enter(BEN, &requester).await?;
    talk.reads(BEN, "Welcome, User 12: you are requester.")
        .await?;
    talk.host
        .run(&["people", "add", "telegram", "12", "--role", "approver"])?;
    let people = talk.host.run(&["people", "list"])?;
    let ben = people.lines().find(|line| line.contains("User 12"));
    assert!(
        ben.is_some_and(|line| line.contains("approver")),
        "{people}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_is_told_nothing_more_and_the_next_owner_is() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "owner").await?;
    // What nobody asked for in a chat is told to the owner who came first.
    talk.host.run(&["intake", "pause"])?;
    talk.reads(ANA, "intake is paused").await?;
    let removed = talk.host.run(&["people", "remove", "1"])?;
    assert!(removed.contains("told nothing more"), "{removed}");
    let chats = talk.host.run(&["people", "chat", "telegram", "11"])?;
    assert!(chats.contains("shut"), "{chats}");
    let before = talk.api.shown(ANA).len();
    talk.host.run(&["intake", "resume"])?;
    talk.reads(BEN, "intake goes on").await?;
    talk.host.submit("echo more >> README.md").await?;
    talk.reads(BEN, "#1 succeeded").await?;

    // The same for a chat that somebody shut, whose owner is known.
    talk.pair(13, "owner").await?;
    talk.host
        .run(&["people", "chat", "telegram", "12", "--shut"])?;
    talk.host.run(&["intake", "pause"])?;
    talk.reads(13, "intake is paused").await?;
    let unheard = talk.api.says(BEN, BEN, "/projects");
    talk.api.says(13, 13, "/projects");
    talk.reads(13, "file://").await?;
    assert_eq!(talk.audit("telegram.chat_shut").await?, 1);
    let ben = talk.api.shown(BEN);
    assert!(
        ben.iter().all(|shown| shown.reply_to != Some(unheard)),
        "{ben:#?}"
    );
    let ana = talk.api.shown(ANA);
    assert_eq!(ana.len(), before, "{ana:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_where_somebody_spoke_is_found_to_be_admitted() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.group(GROUP, true);
    talk.api.says(GROUP, 666, "/task sample true");
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "file://").await?;
    let list = talk.host.run(&["people", "chat", "telegram"])?;
    let group = GROUP.to_string();
    let line = list.lines().find(|line| line.contains(&group));
    let line = line.with_context(|| format!("the group is in {list}"))?;
    assert!(
        line.contains("supergroup") && line.contains(" no "),
        "{line}"
    );
    talk.host
        .run(&["people", "chat", "telegram", &group, "--admit"])?;
    talk.api.says(GROUP, ANA, "/budget");
    talk.reads(GROUP, "All projects").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_nowhere_but_in_its_file() -> Result<()> {
    let mut talk = Talk::start().await?;
    talk.api.down(true);
    talk.api.says(ANA, ANA, "/projects");
    talk.api.down(false);
    talk.reads(ANA, "sample").await?;
    talk.host.stop().await?;
    let secret = sortie_servers::BotApi::TOKEN.as_bytes();
    let mut folders = vec![talk.host.data_dir().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("secrets/telegram-token") && !path.ends_with("bot-token") {
                let bytes = std::fs::read(&path)?;
                let found = bytes.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "{}", path.display());
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_names_the_commands_that_the_menu_lists() -> Result<()> {
    let talk = Talk::start().await?;
    let help = answered(&talk, "/help").await?;
    let name = |line: &str| {
        let rest = line.strip_prefix('/')?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        Some(rest[..end.unwrap_or(rest.len())].to_owned())
    };
    let named: BTreeSet<String> = help.text.lines().filter_map(name).collect();
    assert!(!named.is_empty(), "{}", help.text);
    let menu = talk.api.commands();
    let listed = menu.as_array().context("there is a menu")?.iter();
    let listed = listed.filter_map(|one| one["command"].as_str().map(str::to_owned));
    assert_eq!(named, listed.collect::<BTreeSet<String>>());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_halted_is_listed_and_tried_again_by_a_word_and_by_a_button() -> Result<()> {
    let talk = Talk::start().await?;
    // A job that changes nothing halts.
    talk.api.says(ANA, ANA, "/task sample true");
    let end = talk.reads(ANA, "#1 halted").await?;
    for (text, part) in [
        ("/list halted", "#1 sample · halted"),
        ("/list succeeded", "There are no such jobs"),
        (
            "/list nonsense",
            "There is no state \"nonsense\". There are queued, running, awaiting approval, ",
        ),
        ("/status", "Nothing runs and nothing waits"),
        ("/status 1", "#1 sample · halted"),
    ] {
        let answer = answered(&talk, text).await?;
        assert!(answer.text.contains(part), "{text}: {}", answer.text);
    }

    let again = answered(&talk, "/retry 1").await?;
    assert_eq!(again.text, "#1 is queued again.");
    let job = talk.host.wait_state(1, &["halted"]).await?;
    assert_eq!(job["attempts"], 2, "{job}");
    let end = talk
        .sees(ANA, |shown| {
            shown.id > end.id && shown.text.contains("#1 halted")
        })
        .await?;
    let press = talk.api.presses(ANA, ANA, end.id, "Retry");
    assert_eq!(talk.note(&press).await?, "#1 is queued again.");
    let job = talk.host.wait_state(1, &["halted"]).await?;
    assert_eq!(job["attempts"], 3, "{job}");

    let stats = answered(&talk, "/stats 7d").await?;
    for part in ["the last 7 days", "1 job · 1 halted"] {
        assert!(stats.text.contains(part), "{part} in {}", stats.text);
    }
    Ok(())
}

/// Somebody lets the bot into a group.
fn let_in(talk: &Talk, chat: i64, by: i64) {
    let bot = json!({
        "id": 7_000_000_001_i64, "is_bot": true, "first_name": "Sortie", "username": "sortie_test_bot",
    });
    talk.api.update(json!({ "my_chat_member": {
        "chat": { "id": chat, "type": "supergroup", "title": format!("Group {chat}") },
        "from": { "id": by, "is_bot": false, "first_name": format!("User {by}") },
        "date": 1,
        "old_chat_member": { "user": bot, "status": "left" },
        "new_chat_member": { "user": bot, "status": "member" },
    } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_heard_once_an_owner_let_the_bot_in_and_strangers_there_are_not() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "requester").await?;
    talk.api.group(GROUP, true);
    let_in(&talk, GROUP, BEN);
    let unheard = talk.api.says(GROUP, ANA, "/task sample true");
    // Updates are heard in order: what came before this is done with.
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "file://").await?;
    assert!(talk.jobs().await?.is_empty());
    assert_eq!(talk.audit("telegram.stranger").await?, 0);
    assert_eq!(talk.audit("telegram.chat_not_admitted").await?, 1);

    let_in(&talk, GROUP, ANA);
    talk.api.says(GROUP, ANA, "/task sample true");
    talk.reads(GROUP, "#1 halted").await?;
    let stranger = talk.api.says(GROUP, 666, "/task sample true");
    talk.api.says(GROUP, ANA, "/budget");
    talk.reads(GROUP, "All projects").await?;
    assert_eq!(talk.jobs().await?.len(), 1);
    assert_eq!(talk.audit("telegram.stranger").await?, 1);
    let shown = talk.api.shown(GROUP);
    for silence in [unheard, stranger] {
        let answers = |shown: &Shown| shown.reply_to == Some(silence);
        assert!(!shown.iter().any(answers), "{shown:#?}");
    }
    Ok(())
}
