//! From a task to opencode's command line and configuration.

use agent_kit::{Backend, Launch, LaunchSpec, Mode, ModelApi, Options, TOKEN, Task, backend};
use serde_json::{Value, json};

/// The protocols that opencode has libraries for without fetching one.
const SPEAKS: [ModelApi; 3] = [
    ModelApi::ChatCompletions,
    ModelApi::Messages,
    ModelApi::Responses,
];

/// What opencode is told of a model that the host knows nothing of.
const CONTEXT_TOKENS: u32 = 128_000;
const OUTPUT_TOKENS: u32 = 16_384;

pub(crate) fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
    let backend = backend("opencode", task, &SPEAKS)?;
    let launch = Launch::new("opencode", task, options)?
        .args([
            "run",
            "--format",
            "json",
            "--pure",
            "--model",
            "sortie/model",
        ])
        .again(task, ["--continue"])
        .env(
            "OPENCODE_CONFIG_CONTENT",
            config(&backend, task.mode).to_string(),
        )
        .env("OPENCODE_DISABLE_PROJECT_CONFIG", "1")
        .env("OPENCODE_DISABLE_AUTOUPDATE", "1")
        .env("OPENCODE_DISABLE_MODELS_FETCH", "1")
        .env("OPENCODE_DISABLE_LSP_DOWNLOAD", "1")
        .env("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1");
    Ok(launch.done(options))
}

fn config(backend: &Backend<'_>, mode: Mode) -> Value {
    let library = match backend.api {
        ModelApi::ChatCompletions => "@ai-sdk/openai-compatible",
        ModelApi::Responses => "@ai-sdk/openai",
        ModelApi::Messages => "@ai-sdk/anthropic",
    };
    let context = backend.context_tokens().unwrap_or(CONTEXT_TOKENS);
    let output = backend
        .output_tokens()
        .unwrap_or(OUTPUT_TOKENS)
        .min(context);
    let input: &[&str] = match backend.model.vision {
        true => &["text", "image"],
        false => &["text"],
    };
    // Nobody is there to be asked, so nothing is left to a question.
    let permission = match mode {
        Mode::Write => json!({ "*": "allow", "webfetch": "deny", "websearch": "deny" }),
        Mode::ReadOnly => json!({
            "*": "deny", "read": "allow", "grep": "allow", "glob": "allow", "list": "allow",
            "lsp": "allow", "todoread": "allow", "todowrite": "allow",
        }),
    };
    json!({
        "model": "sortie/model",
        // Nobody reads the title of a session.
        "agent": { "title": { "disable": true } },
        "small_model": "sortie/model",
        "enabled_providers": ["sortie"],
        "share": "disabled",
        "autoupdate": false,
        "snapshot": false,
        "permission": permission,
        "provider": { "sortie": {
            "npm": library,
            "name": "Sortie",
            "options": { "baseURL": backend.v1(), "apiKey": TOKEN },
            "models": { "model": {
                "id": backend.model.name,
                "name": backend.model.name,
                "attachment": backend.model.vision,
                "tool_call": true,
                "limit": { "context": context, "output": output },
                "modalities": { "input": input, "output": ["text"] },
            }},
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::task;

    fn configured(task: &Task) -> (LaunchSpec, Value) {
        let spec = plan(task, &Options::default()).unwrap();
        let text = spec
            .env
            .iter()
            .find(|(name, _)| name == "OPENCODE_CONFIG_CONTENT");
        let config = serde_json::from_str(&text.unwrap().1).unwrap();
        (spec, config)
    }

    #[test]
    fn the_model_has_a_name_of_its_own_whatever_it_is_called() {
        let mut asked = task("Fix it");
        asked.model.as_mut().unwrap().name = "vendor/large:1".into();
        let (spec, config) = configured(&asked);
        assert!(
            spec.argv
                .ends_with(&["--model".into(), "sortie/model".into()])
        );
        assert_eq!(spec.stdin.as_deref(), Some(&b"Fix it"[..]));
        let gateway = &config["provider"]["sortie"];
        assert_eq!(gateway["models"]["model"]["id"], "vendor/large:1");
        assert_eq!(gateway["options"]["baseURL"], "http://127.0.0.1:3129/v1");
        assert_eq!(gateway["npm"], "@ai-sdk/openai-compatible");
    }

    #[test]
    fn nothing_is_left_to_a_question() {
        for mode in [Mode::Write, Mode::ReadOnly] {
            let mut asked = task("x");
            asked.mode = mode;
            let (_, config) = configured(&asked);
            let rules = config["permission"].as_object().unwrap();
            assert!(rules.contains_key("*"));
            assert!(
                rules.values().all(|rule| rule == "allow" || rule == "deny"),
                "{rules:?}"
            );
        }
    }

    #[test]
    fn a_task_that_only_reads_may_not_write() {
        let mut asked = task("what does it do?");
        asked.mode = Mode::ReadOnly;
        let (_, config) = configured(&asked);
        assert_eq!(config["permission"]["*"], "deny");
        for tool in ["edit", "bash", "write", "task"] {
            assert_eq!(config["permission"].get(tool), None, "{tool}");
        }
    }

    #[test]
    fn each_protocol_has_its_library() {
        for (api, library) in [
            (ModelApi::Responses, "@ai-sdk/openai"),
            (ModelApi::Messages, "@ai-sdk/anthropic"),
        ] {
            let mut asked = task("x");
            asked.model.as_mut().unwrap().apis = vec![api];
            assert_eq!(configured(&asked).1["provider"]["sortie"]["npm"], library);
        }
    }
}
