//! The real agents, as the image `full` has them, in a real sandbox, launched
//! and read by their plugins. Only the model is not real: it says what a test
//! wrote down. `cargo xtask test --agents` makes the image and runs them.

#![allow(clippy::disallowed_methods, reason = "tests drive the real programs")]

mod agents_rig;

use agents_rig::{Flight, fly};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use sortie_plugins::surfaces::agent::{Ending, Event, Mode, ModelApi};

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
        ensure!(
            flight.outside.is_empty(),
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
    for agent in [
        pi(ModelApi::ChatCompletions),
        opencode(ModelApi::ChatCompletions),
        codex(),
        claude(),
    ] {
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
