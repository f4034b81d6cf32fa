//! From a task to what is launched.

use crate::bindings::exports::sortie::agent::agent::{File, LaunchSpec, Task};

/// The shell unless the operator names another with the key `shell`.
const SHELL: &str = "/bin/sh";

/// Longer commands go through a file: the kernel takes 128 KiB as one
/// argument, and the shell wants some of it.
const MAX_INLINE_BYTES: usize = 64 << 10;

/// What a question is asked for.
const ASK: &str = "ask";

/// What the key `questions` says where the operator's shell answers them.
const RUN: &str = "run";

/// Says how to run the task's command, which reads the whole prompt on its
/// standard input where a workflow put more around it. A read-only task runs
/// all the same: the host discards whatever it changes. Only what the workflow
/// itself calls a question is none for a shell, unless `questions` is `run`.
pub(crate) fn plan(
    task: Task,
    shell: Option<String>,
    questions: Option<String>,
) -> Result<LaunchSpec, String> {
    if task.role == ASK && questions.as_deref() != Some(RUN) {
        return Err(
            "this agent runs commands; give the project a coding agent: docs/AGENTS.md".into(),
        );
    }
    if task.nudge.is_some() {
        return Err("a command keeps no session that it could take up again".into());
    }
    if task.instruction.trim().is_empty() {
        return Err("the task is empty; for this agent it is a shell command".into());
    }
    if task.instruction.contains('\0') {
        return Err("the task holds a NUL byte, which no shell command can".into());
    }
    let shell = shell.unwrap_or_else(|| SHELL.into());
    if !shell.starts_with('/') {
        return Err("the configured `shell` is not an absolute path".into());
    }
    let mut files = Vec::new();
    let stdin = (task.prompt != task.instruction).then(|| task.prompt.into_bytes());
    let argv = if task.instruction.len() <= MAX_INLINE_BYTES {
        vec![shell, "-c".into(), task.instruction]
    } else {
        let path = [task.home.trim_end_matches('/'), "/task.sh"].concat();
        files.push(File {
            path: path.clone(),
            contents: task.instruction.into_bytes(),
            executable: false,
        });
        vec![shell, path]
    };
    Ok(LaunchSpec {
        argv,
        env: Vec::new(),
        cwd: task.workspace,
        files,
        stdin,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::exports::sortie::agent::agent::Mode;

    fn task(prompt: &str) -> Task {
        Task {
            prompt: prompt.into(),
            instruction: prompt.into(),
            mode: Mode::Write,
            role: "build".into(),
            workspace: "/workspace".into(),
            home: "/home/agent/".into(),
            model_endpoint: None,
            model: None,
            time_limit_ms: 1_000,
            nudge: None,
        }
    }

    #[test]
    fn a_command_goes_to_the_shell_as_it_is() {
        let spec = plan(task("cargo fix && echo 'a b'"), None, None).unwrap();
        assert_eq!(spec.argv, ["/bin/sh", "-c", "cargo fix && echo 'a b'"]);
        assert_eq!(spec.cwd, "/workspace");
        assert!(spec.files.is_empty() && spec.stdin.is_none());
    }

    #[test]
    fn a_framed_prompt_is_read_on_standard_input() {
        let mut asked = task("make fix");
        asked.prompt = "Do this:\nmake fix\n".into();
        let spec = plan(asked, None, None).unwrap();
        assert_eq!(spec.argv, ["/bin/sh", "-c", "make fix"]);
        assert_eq!(spec.stdin.as_deref(), Some(&b"Do this:\nmake fix\n"[..]));
    }

    #[test]
    fn a_read_only_task_runs_too() {
        let mut asked = task("ls");
        asked.mode = Mode::ReadOnly;
        assert!(plan(asked, None, None).is_ok());
    }

    #[test]
    fn a_question_is_no_command_unless_the_shell_answers_it() {
        let asked = || Task {
            mode: Mode::ReadOnly,
            role: "ask".into(),
            ..task("where is the total rounded?")
        };
        let refusal = plan(asked(), None, None).unwrap_err();
        assert_eq!(
            refusal,
            "this agent runs commands; give the project a coding agent: docs/AGENTS.md"
        );
        assert!(plan(asked(), Some("/opt/answers".into()), Some("run".into())).is_ok());
    }

    #[test]
    fn a_long_command_goes_through_a_file() {
        let long = "true\n".repeat(20_000);
        let spec = plan(task(&long), Some("/bin/bash".into()), None).unwrap();
        assert_eq!(spec.argv, ["/bin/bash", "/home/agent/task.sh"]);
        assert_eq!(spec.files[0].path, spec.argv[1]);
        assert_eq!(spec.files[0].contents, long.as_bytes());
    }

    #[test]
    fn what_cannot_run_is_refused_with_a_reason() {
        assert!(plan(task(" \n"), None, None).unwrap_err().contains("empty"));
        assert!(plan(task("a\0b"), None, None).unwrap_err().contains("NUL"));
        assert!(
            plan(task("ls"), Some("zsh".into()), None)
                .unwrap_err()
                .contains("absolute")
        );
    }
}
