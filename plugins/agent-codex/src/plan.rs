//! From a task to Codex's command line and its `config.toml`.

use agent_kit::{Backend, Launch, LaunchSpec, ModelApi, Options, TOKEN, Task, backend};

pub(crate) fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
    let backend = backend("codex", task, &[ModelApi::Responses])?;
    let dir = [task.home.trim_end_matches('/'), "/codex"].concat();
    // The container is the sandbox. Codex's own needs rights that nothing in
    // there has, so a task that only reads has a shell too; what it changes is
    // discarded.
    let launch = Launch::new("codex", task, options)?
        .args(["exec", "--json", "--skip-git-repo-check"])
        .args([
            "--ignore-rules",
            "--dangerously-bypass-approvals-and-sandbox",
        ])
        .again(task, ["resume", "--last", "-"])
        .env("CODEX_HOME", &*dir)
        .env("SORTIE_MODEL_TOKEN", TOKEN)
        .file([&dir, "/config.toml"].concat(), config(&backend));
    Ok(launch.done(options))
}

fn config(backend: &Backend<'_>) -> String {
    let mut lines = vec![
        format!("model = {}", text(&backend.model.name)),
        "model_provider = \"sortie\"".into(),
        "check_for_update_on_startup = false".into(),
        // Searching is the provider's tool, which no gateway has.
        "web_search = \"disabled\"".into(),
    ];
    if let Some(tokens) = backend.context_tokens() {
        lines.push(format!("model_context_window = {tokens}"));
    }
    lines.extend([
        "[analytics]".into(),
        "enabled = false".into(),
        "[feedback]".into(),
        "enabled = false".into(),
        // Catalogues of its vendor, which it would fetch at every start; and an
        // endpoint that is away is the run's end, not something to wait for.
        "[features]".into(),
        "apps = false".into(),
        "plugins = false".into(),
        "unbounded_connection_retries = false".into(),
        "[history]".into(),
        "persistence = \"none\"".into(),
        "[model_providers.sortie]".into(),
        "name = \"Sortie\"".into(),
        format!("base_url = {}", text(&backend.v1())),
        "env_key = \"SORTIE_MODEL_TOKEN\"".into(),
        "wire_api = \"responses\"".into(),
        // It repeats also what cannot pass, such as a budget that is spent; the
        // gateway has repeated already what can.
        "request_max_retries = 2".into(),
        "stream_max_retries = 2".into(),
        String::new(),
    ]);
    lines.join("\n")
}

/// A basic string of TOML, which has JSON's escapes.
fn text(value: &str) -> String {
    let clean: String = value.chars().filter(|c| !c.is_control()).collect();
    serde_json::Value::from(clean).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::task;

    fn configured(task: &Task) -> (LaunchSpec, String) {
        let spec = plan(task, &Options::default()).unwrap();
        assert_eq!(spec.files[0].path, "/work/home/codex/config.toml");
        let text = String::from_utf8(spec.files[0].contents.clone()).unwrap();
        (spec, text)
    }

    #[test]
    fn the_prompt_is_never_an_argument() {
        let (spec, config) = configured(&task("--help"));
        assert_eq!(spec.argv[..2], ["codex", "exec"]);
        assert_eq!(spec.stdin.as_deref(), Some(&b"--help"[..]));
        assert!(!spec.argv.iter().any(|arg| arg == "--help"));
        assert!(
            config.contains("base_url = \"http://127.0.0.1:3129/v1\"\n"),
            "{config}"
        );
        assert!(
            config.contains("model_context_window = 200000\n"),
            "{config}"
        );
    }

    #[test]
    fn no_name_of_a_model_breaks_the_configuration() {
        let mut asked = task("x");
        asked.model.as_mut().unwrap().name = "a\"b\\c\nd\u{7f}e".into();
        let (_, config) = configured(&asked);
        assert!(
            config.starts_with("model = \"a\\\"b\\\\cde\"\n"),
            "{config}"
        );
    }

    #[test]
    fn a_model_that_does_not_speak_responses_is_refused() {
        let mut asked = task("x");
        asked.model.as_mut().unwrap().apis = vec![ModelApi::ChatCompletions];
        let why = plan(&asked, &Options::default()).unwrap_err();
        assert!(why.contains("by responses"), "{why}");
    }
}
