//! What workflows of others may ask for that the shipped ones do not: agents
//! that only read after ones that write, and steps side by side.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use sortie_guests::course::{Step, course};
use sortie_package::{Manifest, section};
use sortie_tests::{Host, HostOptions, PATIENCE, Remote, WAIT};

/// A host whose jobs are done by that workflow, and judged by a scanner that
/// cannot.
async fn start(remote: &Remote, decisions: &[&[(&str, Step<'_>)]]) -> Result<Host> {
    start_with(remote, decisions, HostOptions::default()).await
}

/// The same host with more in its configuration.
async fn start_with(
    remote: &Remote,
    decisions: &[&[(&str, Step<'_>)]],
    options: HostOptions,
) -> Result<Host> {
    let settings = "workflow = \"course\"\nscanners = [\"trap\"]\nmax_attempts = 1\n";
    let options = HostOptions {
        defaults: [settings, &options.defaults].concat(),
        ..options
    };
    let host = Host::start(remote, options).await?;
    let trap = sortie_guests::scanner("", "", "unreachable");
    for (name, surface, component) in [
        ("course", "workflow", course(decisions)),
        ("trap", "scanner", trap),
    ] {
        let manifest =
            format!("name = \"{name}\"\nversion = \"1.0.0\"\nsurfaces = [\"{surface}\"]\n");
        let package = section::embed(&component, &Manifest::from_toml(&manifest)?)?;
        let (status, answer) = host.install(package).await?;
        ensure!(status == 201, "{answer}");
    }
    Ok(host)
}

async fn diff(host: &Host, id: u64) -> Result<String> {
    let path = format!("/v1/jobs/{id}/diff");
    let (_, diff) = host.call(Method::GET, &path, None).await?;
    Ok(diff.as_str().unwrap_or_default().to_owned())
}

/// How a command of the first run ended.
fn exit<'j>(job: &'j Value, name: &str) -> &'j Value {
    let steps = job["runs"][0]["steps"].as_array();
    let step = steps.and_then(|steps| steps.iter().find(|step| step["name"] == name));
    step.map_or(&Value::Null, |step| &step["outcome"]["exec"]["exit"])
}

/// An agent that may only read leaves what was done before it, also where its
/// host died meanwhile and the next one has to find out what that was.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_an_agent_that_reads_finds_what_was_done_before_it() -> Result<()> {
    for dies in [false, true] {
        let remote = Remote::with(&[("state", "none\n")])?;
        let review = format!("{WAIT}; echo bad > state; echo new > new.txt");
        let mut host = start(
            &remote,
            &[
                &[("build", Step::Writes("echo good > state"))],
                &[("review", Step::Reads(&review))],
                &[(
                    "check",
                    Step::Exec("grep -q good state && ! test -e new.txt"),
                )],
                &[("more", Step::Writes("echo more > more.txt"))],
            ],
        )
        .await?;
        let id = host.submit("any").await?;
        host.begun(id).await?;
        if dies {
            host.kill().await?;
            host.serve().await?;
        }
        host.go_on()?;
        let job = host.settled(id).await?;
        assert_eq!(job["state"], "succeeded", "{job}");
        assert_eq!(exit(&job, "check"), &json!({ "code": 0 }), "{job}");
        let diff = diff(&host, id).await?;
        for line in ["+good", "+more"] {
            assert!(diff.contains(line), "{line} in {diff}");
        }
        assert!(!diff.contains("new.txt"), "{diff}");
    }
    Ok(())
}

/// Also an agent has what commands made before it, and only what git ignores when
/// it may write, whichever container it works in.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_a_new_container_finds_what_commands_made_before_it() -> Result<()> {
    let remote = Remote::with(&[(".gitignore", "deps\n")])?;
    let works = format!("{WAIT}; cat deps && ! test -e left.txt && echo ok > ok.txt");
    let host = start(
        &remote,
        &[
            &[("setup", Step::Exec("echo fetched > deps; touch left.txt"))],
            &[("build", Step::Writes(&works))],
        ],
    )
    .await?;
    let id = host.submit("any").await?;
    host.begun(id).await?;
    for container in host.containers()? {
        host.kill_container(&container)?;
    }
    assert!(host.begins(id, 2).await?);
    host.go_on()?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let diff = diff(&host, id).await?;
    assert!(diff.contains("+ok") && !diff.contains("left.txt"), "{diff}");
    Ok(())
}

/// An agent that could not begin before the budget was raised did not work on it
/// before, whoever did, and finds what commands made.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_begins_after_a_raise_is_not_told_that_it_worked_before() -> Result<()> {
    let remote = Remote::with(&[(".gitignore", "deps\n")])?;
    let options = HostOptions {
        defaults: "budget_profile = \"one\"".to_owned(),
        more: "[plugins.budget-profiles.profiles.one]\ncalls = 1\ncost_usd = 0\nminutes = 5\n"
            .to_owned(),
        ..HostOptions::default()
    };
    let decisions: [&[(&str, Step<'_>)]; 3] = [
        &[("build", Step::Writes("echo one > one.txt"))],
        &[("setup", Step::Exec("echo fetched > deps"))],
        &[("more", Step::Writes("cat deps > two.txt"))],
    ];
    let host = start_with(&remote, &decisions, options).await?;
    let id = host.submit("any").await?;
    let job = host.settled(id).await?;
    assert_eq!(job["approval"]["about"], "budget", "{job}");
    let path = format!("/v1/jobs/{id}/approve");
    let (status, answer) = host.call(Method::POST, &path, Some(json!({}))).await?;
    ensure!(status == 200, "{answer}");
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let diff = diff(&host, id).await?;
    assert!(diff.contains("+one") && diff.contains("+fetched"), "{diff}");
    let path = format!("/v1/jobs/{id}/artifacts");
    let (_, list) = host.call(Method::GET, &path, None).await?;
    let files = list["artifacts"].as_array().cloned().unwrap_or_default();
    let prompts = files.iter().filter(|file| file["kind"] == "prompt");
    let mut read = 0;
    for prompt in prompts {
        let path = format!("{path}/{}", prompt["id"]);
        let (_, text) = host.call(Method::GET, &path, None).await?;
        assert!(!text.to_string().contains("it was raised since"), "{text}");
        read += 1;
    }
    assert_eq!(read, 2, "{list}");
    Ok(())
}

/// Something that an agent does, and then too much of it.
const MENDS: &str = "sed -i s/teh/the/ README.md";
const FILLS: &str = "head -c 100000000 /dev/zero > /work/full";

fn sample() -> Result<Remote> {
    Remote::with(&[("README.md", "teh start\n")])
}

/// Waits until the host has stored why a run is to stop.
async fn stops(host: &Host) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(host.data_dir().join("sortie.db"), flags)?;
    let stored = async {
        let stop = "SELECT count(*) FROM runs WHERE stop IS NOT NULL";
        while database.query_row(stop, (), |row| row.get::<_, u32>(0))? == 0 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, stored)
        .await
        .context("no run is to stop")?
}

/// The job ended for what stopped it first, with what its agent did and the time
/// that took.
async fn ended(host: &Host, id: u64, reason: &str) -> Result<Value> {
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], reason, "{job}");
    assert!(job["usage"]["time_ms"].as_u64() > Some(0), "{job}");
    assert_eq!(job["usage"]["calls"], 1, "one agent was launched: {job}");
    let diff = diff(host, id).await?;
    assert!(diff.contains("+the start"), "{diff}");
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(job)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stopped_a_run_first_is_its_end_and_every_agent_s_time_is_booked() -> Result<()> {
    let remote = sample()?;
    let fills = format!("{MENDS}; {WAIT}; {FILLS}");
    let steps = [("build", Step::Writes(&fills)), ("judge", Step::Scan)];
    let host = start(&remote, &[&steps]).await?;
    let id = host.submit("any").await?;
    host.begun(id).await?;
    stops(&host).await?;
    host.go_on()?;
    ended(&host, id, "plugin-failed").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_did_beside_what_stopped_its_run_outlives_the_host() -> Result<()> {
    let remote = sample()?;
    let works = format!("{MENDS}; {WAIT}");
    let steps = [("build", Step::Writes(&works)), ("judge", Step::Scan)];
    let mut host = start(&remote, &[&steps]).await?;
    let id = host.submit("any").await?;
    host.begun(id).await?;
    stops(&host).await?;
    host.kill().await?;
    host.serve().await?;
    let job = ended(&host, id, "plugin-failed").await?;
    assert_eq!(job["attempts"], 1, "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_waits_for_its_turn_does_not_begin_in_a_run_that_stops() -> Result<()> {
    let remote = sample()?;
    let fills = format!("{MENDS}; {FILLS}");
    let second = Step::Writes("echo two > two.txt");
    let steps = [("one", Step::Writes(&fills)), ("two", second)];
    let host = start(&remote, &[&steps]).await?;
    let id = host.submit("any").await?;
    ended(&host, id, "workspace-full").await?;
    let diff = diff(&host, id).await?;
    assert!(!diff.contains("two.txt"), "{diff}");
    Ok(())
}
