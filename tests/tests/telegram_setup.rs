//! A bot is connected, connected again, and disconnected, by the commands that a
//! person types.

mod chat;

use anyhow::{Context, Result, ensure};
use chat::{ANA, BEN, Talk};
use serde_json::Value;
use sortie_servers::{BotApi, Fault};

/// Runs the setup again with such a token; answers its exit code and what it
/// printed.
fn setup(talk: &Talk, token: &str, more: &[&str]) -> Result<(Option<i32>, String)> {
    let file = talk.host.data_dir().join("bot-token");
    std::fs::write(&file, token)?;
    let file = file.to_string_lossy().into_owned();
    let words = ["telegram", "setup", "--token-file", file.as_str(), "--yes"];
    let output = talk.host.cli(&[&words[..], more].concat())?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8(text)?))
}

/// Whether what the commands say of the bot is this.
fn says(talk: &Talk, words: &[&str], part: &str) -> Result<Option<i32>> {
    let output = talk.host.cli(words)?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(text.contains(part), "{part} in {text}");
    Ok(output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_again_keeps_the_server_and_the_owner() -> Result<()> {
    let talk = Talk::unpaired().await?;
    ensure!(talk.setup.contains("start="), "{}", talk.setup);
    // It speaks by the time the command ends.
    says(&talk, &["telegram", "status"], "hears and sends")?;
    talk.enter(ANA, &talk.setup).await?;

    let (code, said) = setup(&talk, BotApi::TOKEN, &[])?;
    ensure!(code == Some(0), "{said}");
    ensure!(
        said.contains("is owner") && said.contains("sortie telegram pair"),
        "{said}"
    );
    ensure!(!said.contains("start="), "{said}");
    let kept = std::fs::read_to_string(talk.host.data_dir().join("telegram.json"))?;
    ensure!(kept.contains(&talk.api.url()), "{kept}");
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;

    let hook = "https://sortie.example.com/telegram";
    let (code, said) = setup(&talk, BotApi::TOKEN, &["--webhook", hook])?;
    ensure!(code == Some(0), "{said}");
    says(&talk, &["telegram", "status"], "(webhook)")?;
    let (code, said) = setup(&talk, BotApi::TOKEN, &[])?;
    ensure!(code == Some(0), "{said}");
    says(&talk, &["telegram", "status"], "(webhook)")?;
    let (code, said) = setup(&talk, BotApi::TOKEN, &["--poll"])?;
    ensure!(code == Some(0), "{said}");
    says(&talk, &["telegram", "status"], "(poll)")?;
    talk.api.says(ANA, ANA, "/budget");
    talk.reads(ANA, "All projects").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_no_bot_has_changes_nothing() -> Result<()> {
    let talk = Talk::start().await?;
    let (code, said) = setup(&talk, "7:AAnobody", &[])?;
    ensure!(code == Some(4), "{said}");
    ensure!(
        said.contains("knows no bot by it") && said.contains("@BotFather"),
        "{said}"
    );
    ensure!(!said.contains("AAnobody"), "{said}");
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_meanwhile_is_told_at_once_and_in_one_row() -> Result<()> {
    let talk = Talk::start().await?;
    let refused = || [Fault::Refused(401, "Unauthorized".to_owned())];
    talk.api.fails("getMe", refused());
    let words = ["telegram", "status"];
    let code = says(&talk, &words, "Telegram knows no bot by this token")?;
    ensure!(code == Some(1), "{code:?}");
    talk.api.fails("getMe", refused());
    let doctor = talk.host.cli(&["doctor"])?;
    let doctor = String::from_utf8(doctor.stdout)?;
    let is_row = |line: &&str| line.split_whitespace().nth(1) == Some("telegram");
    ensure!(doctor.lines().filter(is_row).count() == 1, "{doctor}");
    ensure!(doctor.contains("fail  telegram"), "{doctor}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_removed_is_silent_and_leaves_nothing() -> Result<()> {
    let talk = Talk::start().await?;
    talk.host.run(&["telegram", "remove"])?;
    says(&talk, &["telegram", "status"], "there is no bot")?;
    for file in ["telegram.json", "secrets/telegram-token"] {
        let path = talk.host.data_dir().join(file);
        ensure!(!path.exists(), "{}", path.display());
    }
    let rows = talk.host.run(&["audit", "--json"])?;
    ensure!(rows.contains("telegram.removed"), "{rows}");
    ensure!(talk.host.cli(&["telegram", "remove"])?.status.code() == Some(4));
    // What is said meanwhile waits for whoever is connected next.
    talk.api.says(ANA, ANA, "/projects");
    let url = talk.api.url();
    let (code, said) = setup(&talk, BotApi::TOKEN, &["--api-url", &url])?;
    ensure!(code == Some(0) && said.contains("is owner"), "{said}");
    talk.reads(ANA, "sample").await?;
    Ok(())
}

/// The numbers of the messages that are parked.
fn parked(talk: &Talk) -> Result<Vec<u64>> {
    let list: Value = serde_json::from_str(&talk.host.run(&["telegram", "parked", "--json"])?)?;
    let rows = list["parked"].as_array().context("it is a list")?;
    Ok(rows.iter().filter_map(|row| row["id"].as_u64()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_shown_and_settled_by_commands() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "requester").await?;
    talk.api.block(BEN);
    talk.api.says(BEN, BEN, "/projects");
    let some = |_, answer: &Value| {
        answer["parked"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    };
    talk.answers("/v1/telegram/parked", some).await?;
    let shown = talk.host.run(&["telegram", "parked"])?;
    ensure!(shown.contains("blocked"), "{shown}");
    let doctor = String::from_utf8(talk.host.cli(&["doctor"])?.stdout)?;
    ensure!(
        doctor.contains("`sortie telegram parked` says why"),
        "{doctor}"
    );
    let first = *parked(&talk)?.first().context("one is there")?;
    let number = first.to_string();
    talk.host.run(&["telegram", "parked", "retry", &number])?;
    let again = |_, answer: &Value| {
        let mut rows = answer["parked"].as_array().into_iter().flatten();
        rows.any(|row| row["id"] == first)
    };
    talk.answers("/v1/telegram/parked", again).await?;
    talk.host.run(&["telegram", "parked", "drop", &number])?;
    ensure!(!parked(&talk)?.contains(&first));
    Ok(())
}
