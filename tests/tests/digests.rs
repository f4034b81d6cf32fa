//! What the host tells of itself: an alarm when work stops in numbers, the pause
//! that goes with it, and the figures of the day.

mod chat;

use anyhow::Result;
use chat::{ANA, Talk};
use sortie_tests::HostOptions;

#[tokio::test(flavor = "multi_thread")]
async fn many_halts_are_told_and_pause_the_intake_until_somebody_resumes() -> Result<()> {
    let talk = Talk::with(HostOptions {
        more: "[alarm]\nhalts_per_hour = 1\npause = true\n".to_owned(),
        ..HostOptions::default()
    })
    .await?;
    talk.pair(ANA, "owner").await?;
    // A job that changes nothing halts.
    talk.api.says(ANA, ANA, "/task sample true");
    let alarm = talk.reads(ANA, "Many jobs stop early").await?;
    for part in [
        "1 halt in 60 minutes",
        "1 × nothing was changed",
        "sortie intake resume",
    ] {
        assert!(alarm.text.contains(part), "{part} in {}", alarm.text);
    }
    talk.api
        .says(ANA, ANA, "/task sample echo more >> README.md");
    let held = talk.reads(ANA, "the intake is paused").await?;
    assert!(held.text.contains("sortie intake resume"), "{}", held.text);
    assert_eq!(talk.host.job(2).await?["state"], "queued");
    talk.api.says(ANA, ANA, "/stats");
    talk.reads(ANA, "The intake is paused: too many jobs halted")
        .await?;
    talk.host.run(&["intake", "resume"])?;
    talk.reads(ANA, "The intake goes on").await?;
    talk.reads(ANA, "#2 succeeded").await?;
    assert_eq!(talk.audit("intake.paused").await?, 1);
    assert_eq!(talk.audit("intake.resumed").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_the_same_in_the_chat_and_on_the_command_line() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api
        .says(ANA, ANA, "/task sample echo more >> README.md");
    talk.reads(ANA, "#1 succeeded").await?;
    talk.api.says(ANA, ANA, "/stats");
    talk.reads(ANA, "1 job · 1 succeeded").await?;
    let stats: serde_json::Value = serde_json::from_str(&talk.host.run(&["stats", "--json"])?)?;
    assert_eq!(stats["tasks"]["total"], 1, "{stats}");
    assert_eq!(stats["tasks"]["succeeded"], 1, "{stats}");
    let beat = std::fs::read_to_string(talk.host.data_dir().join("heartbeat"))?;
    assert!(beat.trim().parse::<u64>()? > 1_600_000_000_000, "{beat}");
    Ok(())
}
