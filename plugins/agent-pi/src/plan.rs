//! From a task to pi's command line and its `models.json`.

use agent_kit::{Backend, Launch, LaunchSpec, Mode, ModelApi, Options, TOKEN, Task, backend};
use serde_json::{Value, json};

/// The protocols that pi speaks. Chat completions come first: every provider
/// has them, and pi knows their differences best.
const SPEAKS: [ModelApi; 3] = [
    ModelApi::ChatCompletions,
    ModelApi::Messages,
    ModelApi::Responses,
];

/// All built-in tools, and those that change nothing.
const TOOLS: &str = "read,bash,edit,write,grep,find,ls";
const READ_TOOLS: &str = "read,grep,find,ls";

/// What pi is told of a model that the host knows nothing of; pi's own defaults.
const CONTEXT_TOKENS: u32 = 128_000;
const OUTPUT_TOKENS: u32 = 16_384;

pub(crate) fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
    let backend = backend("pi", task, &SPEAKS)?;
    let dir = [task.home.trim_end_matches('/'), "/pi"].concat();
    let tools = match task.mode {
        Mode::Write => TOOLS,
        Mode::ReadOnly => READ_TOOLS,
    };
    let launch = Launch::new("pi", task, options)?
        .args(["--mode", "json", "--print"])
        .again(task, ["--continue"])
        .args(["--provider", "sortie", "--model", &*backend.model.name])
        .args(["--tools", tools])
        // Nothing of the repository's that pi would execute or obey as its own
        // settings. AGENTS.md is read: it is the project's word to any agent.
        .args(["--no-approve", "--no-extensions", "--no-skills"])
        .args(["--no-prompt-templates", "--no-themes"])
        .env("PI_CODING_AGENT_DIR", &*dir)
        .env("PI_OFFLINE", "1")
        .env("PI_SKIP_VERSION_CHECK", "1")
        .env("PI_TELEMETRY", "0")
        .file(
            [&dir, "/models.json"].concat(),
            models(&backend).to_string(),
        );
    Ok(launch.done(options))
}

fn models(backend: &Backend<'_>) -> Value {
    let (api, base) = match backend.api {
        ModelApi::ChatCompletions => ("openai-completions", backend.v1()),
        ModelApi::Responses => ("openai-responses", backend.v1()),
        // Anthropic's library adds the version itself.
        ModelApi::Messages => ("anthropic-messages", backend.endpoint.to_owned()),
    };
    let context = backend.context_tokens().unwrap_or(CONTEXT_TOKENS);
    let output = backend.output_tokens().unwrap_or(OUTPUT_TOKENS);
    let input: &[&str] = match backend.model.vision {
        true => &["text", "image"],
        false => &["text"],
    };
    json!({ "providers": { "sortie": {
        "baseUrl": base,
        "api": api,
        "apiKey": TOKEN,
        // What only some providers understand of chat completions.
        "compat": {
            "supportsDeveloperRole": false,
            "supportsReasoningEffort": false,
            "supportsStore": false,
        },
        "models": [{
            "id": backend.model.name,
            "name": backend.model.name,
            "input": input,
            "reasoning": false,
            "contextWindow": context,
            "maxTokens": output.min(context),
            // The host knows the prices; what pi would reckon is nobody's.
            "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0 },
        }],
    }}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::task;

    fn planned(task: &Task) -> (LaunchSpec, Value) {
        let spec = plan(task, &Options::default()).unwrap();
        let file = &spec.files[0];
        assert_eq!(file.path, "/work/home/pi/models.json");
        let models = serde_json::from_slice(&file.contents).unwrap();
        (spec, models)
    }

    fn after<'s>(spec: &'s LaunchSpec, flag: &str) -> &'s str {
        let at = spec.argv.iter().position(|arg| arg == flag).expect(flag);
        &spec.argv[at + 1]
    }

    #[test]
    fn the_prompt_is_never_an_argument() {
        let (spec, models) = planned(&task("--help @secrets"));
        assert_eq!(spec.argv[0], "pi");
        assert_eq!(spec.stdin.as_deref(), Some(&b"--help @secrets"[..]));
        assert!(!spec.argv.iter().any(|arg| arg.contains("@secrets")));
        assert_eq!(after(&spec, "--model"), "fake-model");
        let gateway = &models["providers"]["sortie"];
        assert_eq!(gateway["baseUrl"], "http://127.0.0.1:3129/v1");
        assert_eq!(gateway["api"], "openai-completions");
        assert_eq!(gateway["models"][0]["contextWindow"], 200_000);
        assert_eq!(gateway["models"][0]["maxTokens"], 32_000);
    }

    #[test]
    fn a_task_that_only_reads_has_no_tool_that_writes() {
        let mut asked = task("what does it do?");
        asked.mode = Mode::ReadOnly;
        let (spec, _) = planned(&asked);
        let tools: Vec<_> = after(&spec, "--tools").split(',').collect();
        assert_eq!(tools, ["read", "grep", "find", "ls"]);
        let (spec, _) = planned(&task("do it"));
        assert!(after(&spec, "--tools").contains("bash,edit,write"));
    }

    #[test]
    fn each_protocol_has_its_own_base() {
        for (api, name, base) in [
            (
                ModelApi::Responses,
                "openai-responses",
                "http://127.0.0.1:3129/v1",
            ),
            (
                ModelApi::Messages,
                "anthropic-messages",
                "http://127.0.0.1:3129",
            ),
        ] {
            let mut asked = task("x");
            asked.model.as_mut().unwrap().apis = vec![api];
            let (_, models) = planned(&asked);
            assert_eq!(models["providers"]["sortie"]["api"], name);
            assert_eq!(models["providers"]["sortie"]["baseUrl"], base);
        }
    }

    #[test]
    fn an_answer_is_never_longer_than_what_the_model_takes() {
        let mut asked = task("x");
        let model = asked.model.as_mut().unwrap();
        (model.context_tokens, model.output_tokens) = (Some(4_096), None);
        let (_, models) = planned(&asked);
        assert_eq!(
            models["providers"]["sortie"]["models"][0]["maxTokens"],
            4_096
        );
    }
}
