//! From a task to a launch: what is the same for every agent.

use crate::words;
use crate::{File, LaunchSpec, Model, ModelApi, Options, Task};

/// What agents insist on sending as a key. The host adds the real one outside.
pub const TOKEN: &str = "sandbox";

/// The model of a task, in a protocol that the agent speaks.
#[derive(Debug)]
pub struct Backend<'t> {
    /// The model.
    pub model: &'t Model,
    /// The protocol.
    pub api: ModelApi,
    /// The endpoint without a path and without a slash at its end.
    pub endpoint: &'t str,
}

impl Backend<'_> {
    /// The base URL for agents that want it with the version.
    #[must_use]
    pub fn v1(&self) -> String {
        [self.endpoint, "/v1"].concat()
    }

    /// How much the model takes at once; 0 is as good as unknown.
    #[must_use]
    pub fn context_tokens(&self) -> Option<u32> {
        self.model.context_tokens.filter(|&tokens| tokens > 0)
    }

    /// How much it answers at most.
    #[must_use]
    pub fn output_tokens(&self) -> Option<u32> {
        self.model.output_tokens.filter(|&tokens| tokens > 0)
    }
}

/// The first protocol of `speaks` that the task's model is served in.
///
/// # Errors
/// When there is no model, or it is served in none of them, in words for
/// people.
pub fn backend<'t>(
    agent: &str,
    task: &'t Task,
    speaks: &[ModelApi],
) -> Result<Backend<'t>, String> {
    let (Some(model), Some(endpoint)) = (&task.model, &task.model_endpoint) else {
        return Err(format!(
            "{agent} works with a model, and this run has none for the role {:?}; configure one",
            words::line(&task.role, 40)
        ));
    };
    let api = speaks.iter().copied().find(|api| model.apis.contains(api));
    let Some(api) = api else {
        let list = |apis: &[ModelApi]| match apis {
            [] => "nothing it knows".to_owned(),
            apis => apis
                .iter()
                .map(|&api| name(api))
                .collect::<Vec<_>>()
                .join(" or "),
        };
        return Err(format!(
            "{agent} asks models by {}, and {:?} is served by {}; choose another model or agent",
            list(speaks),
            words::line(&model.name, 80),
            list(&model.apis)
        ));
    };
    Ok(Backend {
        model,
        api,
        endpoint: endpoint.trim_end_matches('/'),
    })
}

fn name(api: ModelApi) -> &'static str {
    match api {
        ModelApi::ChatCompletions => "chat completions",
        ModelApi::Responses => "responses",
        ModelApi::Messages => "messages",
    }
}

/// A launch in the workspace with the prompt, or the nudge, on standard input:
/// there it has no length limit, and no first letter makes it an option or a
/// file's name.
pub struct Launch {
    spec: LaunchSpec,
    /// Arguments behind the operator's own.
    last: Vec<String>,
}

impl Launch {
    /// Begins with the program.
    ///
    /// # Errors
    /// When there is nothing to do.
    pub fn new(program: &str, task: &Task, options: &Options) -> Result<Self, String> {
        let prompt = task.nudge.as_ref().unwrap_or(&task.prompt);
        if prompt.trim().is_empty() {
            return Err("the task is empty; say what is to be done".into());
        }
        let spec = LaunchSpec {
            argv: vec![options.binary.clone().unwrap_or_else(|| program.into())],
            env: Vec::new(),
            cwd: task.workspace.clone(),
            files: Vec::new(),
            stdin: Some(prompt.clone().into_bytes()),
        };
        let last = Vec::new();
        Ok(Self { spec, last })
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.spec.argv.extend(args.into_iter().map(Into::into));
        self
    }

    /// Has a launch that takes an earlier one's session up end with these
    /// arguments, behind the operator's own: they may be a subcommand.
    #[must_use]
    pub fn again<const N: usize>(mut self, task: &Task, args: [&str; N]) -> Self {
        if task.nudge.is_some() {
            self.last.extend(args.map(str::to_owned));
        }
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.spec.env.push((name.into(), value.into()));
        self
    }

    /// Adds a variable with a number, when it is known.
    #[must_use]
    pub fn env_if(self, name: &str, value: Option<u32>) -> Self {
        match value {
            Some(value) => self.env(name, value.to_string()),
            None => self,
        }
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: String, contents: String) -> Self {
        self.spec.files.push(File {
            path,
            contents: contents.into_bytes(),
            executable: false,
        });
        self
    }

    /// Ends with the operator's own arguments.
    #[must_use]
    pub fn done(self, options: &Options) -> LaunchSpec {
        let Self { spec, last } = self.args(options.args.iter().cloned());
        let argv = [spec.argv, last].concat();
        LaunchSpec { argv, ..spec }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::task;

    #[test]
    fn the_first_protocol_that_both_speak_is_taken() {
        let mut asked = task("x");
        asked.model_endpoint = Some("http://127.0.0.1:3129/".into());
        let both = [ModelApi::Responses, ModelApi::Messages];
        let found = backend("it", &asked, &both).unwrap();
        assert_eq!(found.api, ModelApi::Responses);
        assert_eq!(found.v1(), "http://127.0.0.1:3129/v1");
    }

    #[test]
    fn a_model_that_the_agent_cannot_ask_is_refused_by_name() {
        let mut asked = task("x");
        asked.model.as_mut().unwrap().apis = vec![ModelApi::ChatCompletions];
        assert_eq!(
            backend("codex", &asked, &[ModelApi::Responses]).unwrap_err(),
            "codex asks models by responses, and \"fake-model\" is served by chat completions; \
             choose another model or agent"
        );
        asked.model.as_mut().unwrap().apis.clear();
        let why = backend("codex", &asked, &[ModelApi::Responses]).unwrap_err();
        assert!(why.contains("served by nothing it knows"), "{why}");
    }

    #[test]
    fn a_run_without_a_model_is_refused_with_its_role() {
        for (no_model, no_endpoint) in [(true, false), (false, true), (true, true)] {
            let mut asked = task("x");
            if no_model {
                asked.model = None;
            }
            if no_endpoint {
                asked.model_endpoint = None;
            }
            let why = backend("pi", &asked, &[ModelApi::Messages]).unwrap_err();
            assert!(why.contains("none for the role \"build\""), "{why}");
        }
    }

    #[test]
    fn numbers_that_say_nothing_are_unknown() {
        let mut asked = task("x");
        asked.model.as_mut().unwrap().context_tokens = Some(0);
        let found = backend("it", &asked, &[ModelApi::Messages]).unwrap();
        assert_eq!(found.context_tokens(), None);
    }

    #[test]
    fn a_launch_is_what_was_put_together() {
        let options = Options {
            binary: Some("/opt/it".into()),
            args: vec!["--more".into()],
        };
        let spec = Launch::new("it", &task("--help"), &options)
            .unwrap()
            .args(["run"])
            .env_if("N", Some(7))
            .env_if("M", None)
            .done(&options);
        assert_eq!(spec.argv, ["/opt/it", "run", "--more"]);
        assert_eq!(spec.env, [("N".to_owned(), "7".to_owned())]);
        assert_eq!(spec.stdin.as_deref(), Some(&b"--help"[..]));
        assert!(Launch::new("it", &task(" \n"), &options).is_err());
    }

    #[test]
    fn a_nudge_takes_the_place_of_the_prompt() {
        let options = Options {
            binary: None,
            args: vec!["--more".into()],
        };
        let launched = |task: &Task| {
            let launch = Launch::new("it", task, &options).unwrap();
            launch.again(task, ["--continue"]).done(&options)
        };
        let mut asked = task("Fix it");
        let first = launched(&asked);
        assert_eq!(first.argv, ["it", "--more"]);
        assert_eq!(first.stdin.as_deref(), Some(&b"Fix it"[..]));
        asked.nudge = Some("Go on".into());
        let again = launched(&asked);
        assert_eq!(again.argv, ["it", "--more", "--continue"]);
        assert_eq!(again.stdin.as_deref(), Some(&b"Go on"[..]));
    }
}
