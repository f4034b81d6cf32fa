//! The real agents, as the image `full` has them, in a real sandbox, launched
//! and read by their plugins. Only the model is not real: it says what a test
//! wrote down. `cargo xtask test --agents` makes the image and runs them.

#![allow(clippy::disallowed_methods, reason = "tests drive the real programs")]

mod agents_rig;

use agents_rig::{Flight, fly, fly_on};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sortie_plugins::surfaces::agent::{Ending, Event, Mode, ModelApi};
use sortie_servers::Models;
use sortie_tests::{Host, HostOptions, Remote};

/// An agent, and what a model has to say for it to do its work.
struct Agent {
    plugin: &'static str,
    api: ModelApi,
    /// The call that reads the file, and the one that mends it.
    calls: [(&'static str, Value); 2],
    /// Tools that no request for a task that only reads may offer.
    writing: &'static [&'static str],
}

fn pi(api: ModelApi) -> Agent {
    Agent {
        plugin: "agent-pi",
        api,
        calls: [
            ("read", json!({ "path": "hello.py" })),
            (
                "edit",
                json!({ "path": "hello.py", "edits": [{ "oldText": "helo", "newText": "hello" }] }),
            ),
        ],
        writing: &["edit", "write", "bash"],
    }
}

fn opencode(api: ModelApi) -> Agent {
    Agent {
        plugin: "agent-opencode",
        api,
        calls: [
            ("read", json!({ "filePath": "/work/repo/hello.py" })),
            (
                "edit",
                json!({ "filePath": "/work/repo/hello.py", "oldString": "helo", "newString": "hello" }),
            ),
        ],
        writing: &["edit", "write", "bash", "patch", "task"],
    }
}

fn claude() -> Agent {
    Agent {
        plugin: "agent-claude",
        api: ModelApi::Messages,
        calls: [
            ("Read", json!({ "file_path": "/work/repo/hello.py" })),
            (
                "Edit",
                json!({ "file_path": "/work/repo/hello.py", "old_string": "helo", "new_string": "hello" }),
            ),
        ],
        writing: &["Edit", "Write", "Bash", "NotebookEdit", "Task", "Agent"],
    }
}

fn codex() -> Agent {
    Agent {
        plugin: "agent-codex",
        api: ModelApi::Responses,
        calls: [
            ("exec_command", json!({ "cmd": "cat hello.py" })),
            (
                "exec_command",
                json!({ "cmd": "sed -i s/helo/hello/ hello.py" }),
            ),
        ],
        writing: &[],
    }
}

const TASK: &str = "Fix the typo in hello.py";
const SAID: &str = "Fixed the typo in hello.py.";
const NUDGE: &str = "You fell silent. Go on with what you began.";

impl Agent {
    /// Reads, mends, and says so.
    fn mends(&self) -> Value {
        // Each protocol takes the names that are its own.
        let used = json!({ "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                           "input_tokens": 100, "output_tokens": 20 });
        let call = |id: &str, (name, given): &(&str, Value)| {
            json!({ "content": format!("I will {name}."), "usage": used,
                    "toolCalls": [{ "id": id, "name": name, "arguments": given }] })
        };
        json!({ "fixtures": [
            { "match": { "toolCallId": "call_1" }, "response": call("call_2", &self.calls[1]) },
            { "match": { "toolCallId": "call_2" }, "response": { "content": SAID, "usage": used } },
            { "match": { "userMessage": TASK }, "response": call("call_1", &self.calls[0]) },
        ]})
    }

    async fn fly(&self, mode: Mode, fixtures: &Value) -> Result<Flight> {
        fly(self.plugin, self.api, mode, TASK, fixtures).await
    }

    async fn mends_the_file(&self) -> Result<()> {
        let flight = self.fly(Mode::Write, &self.mends()).await?;
        let seen = format!("{flight:#?}");
        ensure!(flight.end.ending == Ending::Completed, "{seen}");
        ensure!(flight.end.summary == SAID, "{seen}");
        ensure!(flight.file("hello.py")?.contains("\"hello\""), "{seen}");
        ensure!(
            flight.changed()? == ["hello.py"],
            "more than the file changed: {seen}"
        );
        // opencode looks for a package of its own in npm's registry, which every
        // sandbox may ask.
        let own = |line: &String| !line.starts_with("CONNECT registry.npmjs.org:443 ");
        ensure!(
            !flight.outside.iter().any(own),
            "it asked for servers of its own: {seen}"
        );
        let count = |kind: fn(&Event) -> bool| flight.events.iter().filter(|e| kind(e)).count();
        ensure!(
            count(|e| matches!(e, Event::ToolStart(tool) if !tool.fingerprint.is_empty())) == 2,
            "{seen}"
        );
        ensure!(
            count(|e| matches!(e, Event::ToolEnd(tool) if tool.ok)) == 2,
            "{seen}"
        );
        ensure!(count(|e| matches!(e, Event::Turn(_))) >= 1, "{seen}");
        ensure!(count(|e| matches!(e, Event::Done(_))) == 1, "{seen}");
        let tokens: u64 = flight
            .events
            .iter()
            .map(|event| match event {
                Event::Usage(usage) => usage.input_tokens + usage.output_tokens,
                _ => 0,
            })
            .sum();
        ensure!(tokens > 0, "{seen}");
        for request in &flight.requests {
            ensure!(
                request["body"]["model"] == "vendor/fake-model",
                "{request:#}"
            );
        }
        Ok(())
    }

    async fn says_why_it_failed(&self) -> Result<()> {
        let spent = json!({ "fixtures": [{ "match": {}, "response": {
            "error": { "message": "the budget of this mission is spent", "type": "budget_exhausted" },
            "status": 402,
        }}]});
        let flight = self.fly(Mode::Write, &spent).await?;
        let seen = format!("{flight:#?}");
        ensure!(flight.end.ending == Ending::Failed, "{seen}");
        ensure!(
            flight
                .end
                .summary
                .contains("budget of this mission is spent"),
            "{seen}"
        );
        // Whoever is told that the budget is gone has no reason to ask on and on.
        ensure!(
            flight.requests.len() <= 4,
            "{} requests: {seen}",
            flight.requests.len()
        );
        Ok(())
    }

    /// It read the file when it was stopped, and mends it when it is told to go on.
    async fn goes_on(&self) -> Result<()> {
        let used = json!({ "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                           "input_tokens": 100, "output_tokens": 20 });
        let call = |id: &str, (name, given): &(&str, Value)| {
            json!({ "content": format!("I will {name}."), "usage": used,
                    "toolCalls": [{ "id": id, "name": name, "arguments": given }] })
        };
        let fixtures = json!({ "fixtures": [
            { "match": { "toolCallId": "call_2" }, "response": { "content": SAID, "usage": used } },
            { "match": { "userMessage": NUDGE }, "response": call("call_2", &self.calls[1]) },
            { "match": { "toolCallId": "call_1" }, "response": { "content": "Well.", "usage": used } },
            { "match": { "userMessage": TASK }, "response": call("call_1", &self.calls[0]) },
        ]});
        let (mode, nudge) = (Mode::Write, Some(NUDGE));
        let flight = fly_on(self.plugin, self.api, mode, TASK, nudge, &fixtures).await?;
        let seen = format!("{flight:#?}");
        ensure!(flight.end.ending == Ending::Completed, "{seen}");
        ensure!(flight.end.summary == SAID, "{seen}");
        ensure!(flight.file("hello.py")?.contains("\"hello\""), "{seen}");
        let knows_both = |request: &Value| {
            let body = request["body"].to_string();
            body.contains(TASK) && body.contains(NUDGE)
        };
        ensure!(
            flight.requests.iter().any(knows_both),
            "the session is a new one: {seen}"
        );
        Ok(())
    }

    async fn cannot_write_when_it_only_reads(&self) -> Result<()> {
        let flight = self.fly(Mode::ReadOnly, &self.mends()).await?;
        let seen = format!("{flight:#?}");
        ensure!(!flight.requests.is_empty(), "{seen}");
        for request in &flight.requests {
            let tools = request["body"]["tools"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            for tool in tools {
                let name = tool["name"].as_str().or(tool["function"]["name"].as_str());
                let name = name.unwrap_or_default().to_owned();
                ensure!(!self.writing.contains(&name.as_str()), "{name} is offered");
            }
        }
        ensure!(flight.changed()?.is_empty(), "{seen}");
        Ok(())
    }
}

/// A host whose models say what `fixtures` has, and whose jobs fly in the image
/// with the agents.
async fn host(remote: &Remote, fixtures: &Value, more: &str) -> Result<(Models, Host)> {
    let models = Models::start(&fixtures.to_string());
    let options = HostOptions {
        sandbox: "memory_mib = 2048\nworkspace_mib = 512".into(),
        defaults: "image = \"sortie-runner:full\"\nbudget_profile = \"small\"".into(),
        more: format!(
            "[providers.main]\nkind = \"compatible\"\nbase_url = \"http://{}/v1\"\n\
             apis = [\"chat-completions\", \"responses\", \"messages\"]\n\
             [models]\ndefault = \"main/fake-model\"\n\
             [models.prices.\"main/fake-model\"]\ninput_usd = 1\noutput_usd = 10\n\
             context_tokens = 100000\noutput_tokens = 8000\n{more}",
            models.address()
        ),
        ..HostOptions::default()
    };
    let host = Host::start(remote, options).await?;
    Ok((models, host))
}

/// Enough for what a fixture makes an agent do.
const SMALL: &str =
    "[plugins.budget-profiles.profiles.small]\ncalls = 40\ncost_usd = 5\nminutes = 10\n";

async fn submit(host: &Host, agent: &str, task: &str) -> Result<u64> {
    let body = json!({ "project": "sample", "agent": agent, "task": task });
    let (status, job) = host.call(Method::POST, "/v1/jobs", Some(body)).await?;
    ensure!(status == 201, "submitting answered {status}: {job}");
    job["id"].as_u64().context("a job has a number")
}

impl Agent {
    /// From the request to the branch on the remote, with the calls on the
    /// run's ledger.
    async fn flies_a_mission(&self) -> Result<()> {
        let remote = Remote::with(&[("hello.py", "print(\"helo\")\n")])?;
        let (_models, host) = host(&remote, &self.mends(), SMALL).await?;
        let short = self.plugin.trim_start_matches("agent-");
        let id = submit(&host, short, TASK).await?;
        let job = host.settled(id).await?;
        ensure!(job["state"] == "succeeded", "{short}: {job:#}");
        let branch = job["published"]["branch"].as_str().context("published")?;
        ensure!(remote.file(branch, "hello.py")? == "print(\"hello\")\n");
        // The launch and at least three calls, with what their usage costs.
        ensure!(
            job["usage"]["calls"].as_u64() >= Some(4),
            "{short}: {job:#}"
        );
        ensure!(
            job["usage"]["cost_micro_usd"].as_u64() > Some(0),
            "{short}: {job:#}"
        );
        let summary = job["summary"].as_str().unwrap_or_default();
        ensure!(summary.contains(SAID), "{short}: {job:#}");
        ensure!(host.leftovers()?.is_empty());
        Ok(())
    }

    /// Its budget is gone before it began: it is told, and a person is asked.
    async fn asks_for_money(&self) -> Result<()> {
        let remote = Remote::with(&[("hello.py", "print(\"helo\")\n")])?;
        let poor = "[plugins.budget-profiles.profiles.small]\n\
            calls = 40\ncost_usd = 0.001\nminutes = 10\n";
        let (_models, host) = host(&remote, &self.mends(), poor).await?;
        let id = submit(&host, self.plugin, TASK).await?;
        let job = host.settled(id).await?;
        ensure!(
            job["state"] == "awaiting_approval",
            "{}: {job:#}",
            self.plugin
        );
        ensure!(job["approval"]["about"] == "budget", "{job:#}");
        ensure!(job["usage"]["cost_micro_usd"] == 0, "{job:#}");
        Ok(())
    }

    /// `sortie ask`: prose, and no way to write.
    async fn answers(&self) -> Result<()> {
        let remote = Remote::with(&[("hello.py", "print(\"helo\")\n")])?;
        let (_models, host) = host(&remote, &self.mends(), SMALL).await?;
        let asked = host.cli(&["ask", "--project", "sample", "--agent", self.plugin, TASK])?;
        ensure!(asked.status.success(), "{}: {asked:?}", self.plugin);
        ensure!(String::from_utf8(asked.stdout)?.trim_end() == SAID);
        ensure!(host.job(1).await?["head_commit"].is_null());
        ensure!(remote.pushes()?.is_empty());
        Ok(())
    }
}

fn everyone() -> [Agent; 4] {
    [
        pi(ModelApi::ChatCompletions),
        opencode(ModelApi::ChatCompletions),
        codex(),
        claude(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn each_agent_flies_a_mission() -> Result<()> {
    for agent in everyone() {
        agent.flies_a_mission().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn an_agent_without_money_makes_the_host_ask_for_it() -> Result<()> {
    for agent in everyone() {
        agent.asks_for_money().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn each_agent_answers_a_question() -> Result<()> {
    for agent in everyone() {
        agent.answers().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn a_session_is_taken_up_again_with_what_was_said() -> Result<()> {
    for agent in everyone() {
        let plugin = agent.plugin;
        agent.goes_on().await.context(plugin)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn pi_mends_a_file_over_each_protocol() -> Result<()> {
    for api in [
        ModelApi::ChatCompletions,
        ModelApi::Messages,
        ModelApi::Responses,
    ] {
        pi(api).mends_the_file().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn opencode_mends_a_file_over_each_protocol() -> Result<()> {
    for api in [
        ModelApi::ChatCompletions,
        ModelApi::Messages,
        ModelApi::Responses,
    ] {
        opencode(api).mends_the_file().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn codex_mends_a_file() -> Result<()> {
    codex().mends_the_file().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn claude_mends_a_file() -> Result<()> {
    claude().mends_the_file().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn a_budget_that_is_spent_is_a_failure_with_words() -> Result<()> {
    for agent in everyone() {
        agent.says_why_it_failed().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
async fn a_question_is_answered_without_tools_that_write() -> Result<()> {
    for agent in [
        pi(ModelApi::ChatCompletions),
        opencode(ModelApi::ChatCompletions),
        claude(),
    ] {
        agent.cannot_write_when_it_only_reads().await?;
    }
    Ok(())
}
