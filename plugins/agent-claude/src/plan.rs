//! From a task to Claude Code's command line and environment.

use agent_kit::{Launch, LaunchSpec, Mode, ModelApi, Options, TOKEN, Task, backend};

/// The tools of a task that only reads.
const READ_TOOLS: &str = "Read,Glob,Grep";

/// Tools that no mission has a use for: they ask Anthropic's own servers, a
/// person, or a later session.
const NO_TOOLS: &str = "WebSearch,WebFetch,AskUserQuestion,CronCreate,CronDelete,CronList,\
    ScheduleWakeup,EnterWorktree,ExitWorktree,EnterPlanMode,ExitPlanMode";

pub(crate) fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
    let backend = backend("claude", task, &[ModelApi::Messages])?;
    let model = &*backend.model.name;
    let tools = match task.mode {
        Mode::Write => ["--disallowedTools", NO_TOOLS],
        Mode::ReadOnly => ["--tools", READ_TOOLS],
    };
    let mut launch = Launch::new("claude", task, options)?
        .args(["--print", "--output-format", "stream-json", "--verbose"])
        // The container is the sandbox; nobody is there to be asked.
        .args(["--permission-mode", "bypassPermissions"])
        // Only the user's settings, of which there are none: no hooks, servers
        // or permissions of the repository's.
        .args(["--setting-sources", "user", "--strict-mcp-config"])
        .args(["--model", model])
        .again(task, ["--continue"])
        .args(tools)
        .env("ANTHROPIC_BASE_URL", backend.endpoint)
        .env("ANTHROPIC_AUTH_TOKEN", TOKEN)
        .env(
            "CLAUDE_CONFIG_DIR",
            [task.home.trim_end_matches('/'), "/claude"].concat(),
        )
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("DISABLE_TELEMETRY", "1")
        .env("DISABLE_ERROR_REPORTING", "1")
        .env("IS_SANDBOX", "1")
        // Of a model that it does not know it believes that it takes a million.
        .env_if("CLAUDE_CODE_MAX_CONTEXT_TOKENS", backend.context_tokens())
        .env_if("CLAUDE_CODE_MAX_OUTPUT_TOKENS", backend.output_tokens());
    // Whatever size of model it has in mind for a part of the work, there is
    // this one.
    for size in ["OPUS", "SONNET", "HAIKU"] {
        launch = launch.env(&["ANTHROPIC_DEFAULT_", size, "_MODEL"].concat(), model);
    }
    Ok(launch
        .env("CLAUDE_CODE_SUBAGENT_MODEL", model)
        .done(options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::task;

    fn var<'s>(spec: &'s LaunchSpec, name: &str) -> Option<&'s str> {
        let (_, value) = spec.env.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    #[test]
    fn the_endpoint_has_no_path_and_every_model_is_the_one() {
        let spec = plan(&task("Fix it"), &Options::default()).unwrap();
        assert_eq!(spec.argv[..2], ["claude", "--print"]);
        assert_eq!(spec.stdin.as_deref(), Some(&b"Fix it"[..]));
        assert_eq!(
            var(&spec, "ANTHROPIC_BASE_URL"),
            Some("http://127.0.0.1:3129")
        );
        assert_eq!(
            var(&spec, "ANTHROPIC_DEFAULT_HAIKU_MODEL"),
            Some("fake-model")
        );
        assert_eq!(var(&spec, "CLAUDE_CODE_MAX_CONTEXT_TOKENS"), Some("200000"));
        assert_eq!(var(&spec, "CLAUDE_CODE_MAX_OUTPUT_TOKENS"), Some("32000"));
        assert!(
            spec.argv
                .windows(2)
                .any(|pair| pair == ["--setting-sources", "user"])
        );
    }

    #[test]
    fn a_task_that_only_reads_has_no_tool_that_writes() {
        let mut asked = task("what does it do?");
        asked.mode = Mode::ReadOnly;
        let spec = plan(&asked, &Options::default()).unwrap();
        assert!(
            spec.argv
                .windows(2)
                .any(|pair| pair == ["--tools", "Read,Glob,Grep"])
        );
        let spec = plan(&task("do it"), &Options::default()).unwrap();
        assert!(!spec.argv.iter().any(|arg| arg == "--tools"));
    }

    #[test]
    fn a_model_that_does_not_speak_messages_is_refused() {
        let mut asked = task("x");
        asked.model.as_mut().unwrap().apis = vec![ModelApi::Responses];
        let why = plan(&asked, &Options::default()).unwrap_err();
        assert!(why.contains("by messages"), "{why}");
    }
}
