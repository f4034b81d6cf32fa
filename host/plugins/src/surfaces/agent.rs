//! How agents are launched and what their output says. Every word of it is
//! display text or a hint; the host reads results from git and exit statuses.

use serde::{Deserialize, Serialize};

use super::{check_bytes, check_count, cut_to, nonsense, quote};
use crate::{
    bindings::agent::exports::sortie::agent::agent as wit,
    error::{At, PluginError},
};

/// The most bytes of output that go to a parser at once.
pub const MAX_PUSH_BYTES: usize = 8 << 10;
/// The most events of one piece of output: more than one per byte is nonsense,
/// and the WIT says so.
pub const MAX_EVENTS: usize = 10_000;
/// The longest text of an event in bytes; longer ones are cut.
pub const MAX_TEXT_BYTES: usize = 16 << 10;
/// The longest fingerprint of a tool's arguments, as the WIT says.
const MAX_FINGERPRINT_BYTES: usize = 128;
/// The longest path that a tool is about: what the kernel takes.
const MAX_PATH_BYTES: usize = 4_096;
/// The most arguments, variables and files of a launch.
const MAX_ITEMS: usize = 256;
/// The longest argument or variable: the kernel takes 128 KiB with the end.
const MAX_ARGUMENT_BYTES: usize = 120 << 10;
/// The largest file of a launch.
const MAX_FILE_BYTES: usize = 1 << 20;
/// All arguments, variables, files and standard input together.
const MAX_LAUNCH_BYTES: usize = 8 << 20;

/// What the agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It may change files in the workspace.
    Write,
    /// It may only read; the host discards whatever it changes.
    ReadOnly,
}

/// A protocol that models are asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelApi {
    /// OpenAI's `POST /v1/chat/completions`.
    ChatCompletions,
    /// OpenAI's `POST /v1/responses`.
    Responses,
    /// Anthropic's `POST /v1/messages`.
    Messages,
}

/// The model that the agent works with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The name to ask for.
    pub name: String,
    /// The protocols that it is served in.
    pub apis: Vec<ModelApi>,
    /// How many tokens it takes at once, prompt and answer together.
    pub context_tokens: Option<u32>,
    /// How many tokens it answers at most.
    pub output_tokens: Option<u32>,
    /// Whether it takes images.
    pub vision: bool,
}

/// What the agent is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The whole prompt.
    pub prompt: String,
    /// What was asked for, without the frame around it; the prompt itself when
    /// there is none.
    pub instruction: String,
    /// What it may do.
    pub mode: Mode,
    /// What the workflow wants it for, such as `build`, `plan` or `review`.
    pub role: String,
    /// Absolute path of the checked-out repository inside the sandbox.
    pub workspace: String,
    /// Absolute path of the agent's own directory inside the sandbox.
    pub home: String,
    /// Base URL of the model endpoint inside the sandbox, without a path.
    pub model_endpoint: Option<String>,
    /// The model to use.
    pub model: Option<Model>,
    /// The run's limit in milliseconds.
    pub time_limit_ms: u64,
    /// What to tell an agent that fell silent and was stopped; none at the first
    /// launch.
    pub nudge: Option<String>,
}

/// A file to write before the launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Absolute path, under the task's home or workspace.
    pub path: String,
    /// Contents.
    pub contents: Vec<u8>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// What to launch. Checked: the program is named, nothing holds a NUL byte,
/// paths are absolute, without `..`, and files lie under home or workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchSpec {
    /// Program and arguments, at least one; nothing is passed to a shell.
    pub argv: Vec<String>,
    /// Environment on top of the image's own.
    pub env: Vec<(String, String)>,
    /// Absolute working directory.
    pub cwd: String,
    /// Files to write first.
    pub files: Vec<File>,
    /// What the program reads on its standard input, which is then closed.
    pub stdin: Option<Vec<u8>>,
}

/// Which stream bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How the agent says it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It says it is done.
    Completed,
    /// It says it failed.
    Failed,
    /// It was stopped.
    Aborted,
}

/// A tool the agent began to use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolStart {
    /// The agent's id of this use, when it has one.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// What it was given, cut to a line for people.
    pub summary: String,
    /// The same for two uses of this tool with the same arguments, another one
    /// for others; empty when the agent does not say.
    pub fingerprint: String,
    /// The one file or folder that it is about, as the agent wrote it.
    pub path: Option<String>,
}

/// A tool the agent finished using.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolEnd {
    /// The agent's id of this use, when it has one.
    pub id: String,
    /// Whether the tool said it succeeded.
    pub ok: bool,
}

/// Tokens the agent says it used since it last said so; a hint, never the
/// ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageHint {
    /// Tokens sent, without those of the two fields that follow.
    pub input_tokens: u64,
    /// Tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Tokens received, with those of its reasoning.
    pub output_tokens: u64,
    /// What the agent reckons they cost, in micro-USD.
    pub cost_micro_usd: Option<u64>,
}

/// One thing the agent did or said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A new turn began; turns count from 1.
    Turn(u32),
    /// A tool began.
    ToolStart(ToolStart),
    /// A tool ended.
    ToolEnd(ToolEnd),
    /// Prose or output for people.
    Text(String),
    /// Tokens used.
    Usage(UsageHint),
    /// Something failed, in words for people.
    Error(String),
    /// The agent ended, by its own protocol; a program that goes on is stopped,
    /// which changes nothing of the ending.
    Done(Ending),
    /// Anything else, as JSON text.
    Other(String),
}

/// How the program ended, as the host saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// It was killed by this signal.
    Signal(i32),
    /// The host or the runner stopped it; why, in words.
    Stopped(String),
}

/// What is known at the end of a launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// Events that only the end made clear.
    pub events: Vec<Event>,
    /// The agent's own account of what it did, for people; may be empty.
    pub summary: String,
    /// Whether, by the agent's own protocol, it finished its task.
    pub ending: Ending,
}

pub(crate) fn launch(
    at: &At,
    task: &Task,
    spec: wit::LaunchSpec,
) -> Result<LaunchSpec, PluginError> {
    check_count(at, "arguments", spec.argv.len(), MAX_ITEMS)?;
    check_count(at, "variables", spec.env.len(), MAX_ITEMS)?;
    check_count(at, "files", spec.files.len(), MAX_ITEMS)?;
    if spec.argv.first().is_none_or(String::is_empty) {
        return Err(nonsense(at, "there is no program to launch"));
    }
    let mut total = spec.stdin.as_ref().map_or(0, Vec::len);
    for argument in &spec.argv {
        check_bytes(at, "an argument", argument.len(), MAX_ARGUMENT_BYTES)?;
        no_nul(at, "an argument", argument)?;
        total += argument.len();
    }
    for (name, value) in &spec.env {
        check_bytes(
            at,
            "a variable",
            name.len() + value.len(),
            MAX_ARGUMENT_BYTES,
        )?;
        if name.is_empty() || name.contains('=') {
            return Err(nonsense(
                at,
                format!("{} cannot name a variable", quote(name)),
            ));
        }
        no_nul(at, "a variable", name)?;
        no_nul(at, "a variable", value)?;
        total += name.len() + value.len();
    }
    if !is_absolute(&spec.cwd) {
        return Err(nonsense(
            at,
            format!("the directory {} is not an absolute path", quote(&spec.cwd)),
        ));
    }
    for file in &spec.files {
        check_bytes(at, "a file", file.contents.len(), MAX_FILE_BYTES)?;
        if !is_absolute(&file.path)
            || !(is_under(&file.path, &task.home) || is_under(&file.path, &task.workspace))
        {
            return Err(nonsense(
                at,
                format!(
                    "the file {} is not in its home or workspace",
                    quote(&file.path)
                ),
            ));
        }
        total += file.path.len() + file.contents.len();
    }
    check_bytes(at, "the whole launch", total, MAX_LAUNCH_BYTES)?;
    Ok(LaunchSpec {
        argv: spec.argv,
        env: spec.env,
        cwd: spec.cwd,
        files: spec
            .files
            .into_iter()
            .map(|file| File {
                path: file.path,
                contents: file.contents,
                executable: file.executable,
            })
            .collect(),
        stdin: spec.stdin,
    })
}

fn no_nul(at: &At, what: &str, text: &str) -> Result<(), PluginError> {
    if text.contains('\0') {
        return Err(nonsense(at, format!("{what} holds a NUL byte")));
    }
    Ok(())
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains('\0')
        && path.split('/').all(|part| part != ".." && part != ".")
}

fn is_under(path: &str, root: &str) -> bool {
    path.strip_prefix(root.trim_end_matches('/'))
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| !rest.trim_matches('/').is_empty())
}

pub(crate) fn events(at: &At, events: Vec<wit::Event>) -> Result<Vec<Event>, PluginError> {
    check_count(at, "events", events.len(), MAX_EVENTS)?;
    Ok(events.into_iter().map(event).collect())
}

pub(crate) fn conclusion(at: &At, end: wit::Conclusion) -> Result<Conclusion, PluginError> {
    Ok(Conclusion {
        events: events(at, end.events)?,
        summary: cut_to(end.summary, MAX_TEXT_BYTES),
        ending: ending(end.ending),
    })
}

fn event(event: wit::Event) -> Event {
    let text = |text| cut_to(text, MAX_TEXT_BYTES);
    match event {
        wit::Event::Turn(turn) => Event::Turn(turn),
        wit::Event::ToolStart(tool) => Event::ToolStart(ToolStart {
            id: text(tool.id),
            name: text(tool.name),
            summary: text(tool.summary),
            fingerprint: cut_to(tool.fingerprint, MAX_FINGERPRINT_BYTES),
            path: tool.path.map(|path| cut_to(path, MAX_PATH_BYTES)),
        }),
        wit::Event::ToolEnd(tool) => Event::ToolEnd(ToolEnd {
            id: text(tool.id),
            ok: tool.ok,
        }),
        wit::Event::Text(said) => Event::Text(text(said)),
        wit::Event::Usage(usage) => Event::Usage(UsageHint {
            input_tokens: usage.input_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            output_tokens: usage.output_tokens,
            cost_micro_usd: usage.cost_micro_usd,
        }),
        wit::Event::Error(said) => Event::Error(text(said)),
        wit::Event::Done(end) => Event::Done(ending(end)),
        wit::Event::Other(json) => Event::Other(text(json)),
    }
}

fn ending(ending: wit::Ending) -> Ending {
    match ending {
        wit::Ending::Completed => Ending::Completed,
        wit::Ending::Failed => Ending::Failed,
        wit::Ending::Aborted => Ending::Aborted,
    }
}

impl From<Task> for wit::Task {
    fn from(task: Task) -> Self {
        Self {
            prompt: task.prompt,
            instruction: task.instruction,
            mode: match task.mode {
                Mode::Write => wit::Mode::Write,
                Mode::ReadOnly => wit::Mode::ReadOnly,
            },
            role: task.role,
            workspace: task.workspace,
            home: task.home,
            model_endpoint: task.model_endpoint,
            model: task.model.map(Into::into),
            time_limit_ms: task.time_limit_ms,
            nudge: task.nudge,
        }
    }
}

impl From<Model> for wit::Model {
    fn from(model: Model) -> Self {
        Self {
            name: model.name,
            apis: model.apis.into_iter().map(Into::into).collect(),
            context_tokens: model.context_tokens,
            output_tokens: model.output_tokens,
            vision: model.vision,
        }
    }
}

impl From<ModelApi> for wit::ModelApi {
    fn from(api: ModelApi) -> Self {
        match api {
            ModelApi::ChatCompletions => Self::ChatCompletions,
            ModelApi::Responses => Self::Responses,
            ModelApi::Messages => Self::Messages,
        }
    }
}

impl From<Stream> for wit::Stream {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Stdout => Self::Stdout,
            Stream::Stderr => Self::Stderr,
        }
    }
}

impl From<Exit> for wit::Exit {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Code(code),
            Exit::Signal(signal) => Self::Signal(signal),
            Exit::Stopped(why) => Self::Stopped(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_in_their_directories() {
        assert!(is_under("/home/agent/a", "/home/agent"));
        assert!(is_under("/home/agent/a/b", "/home/agent/"));
        assert!(!is_under("/home/agentx/a", "/home/agent"));
        assert!(!is_under("/home/agent", "/home/agent"));
        assert!(!is_under("/home/agent/", "/home/agent"));
        assert!(!is_absolute("/home/agent/../x"));
        assert!(!is_absolute("home"));
    }
}
