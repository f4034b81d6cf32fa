//! The suite of the agent surface.

use crate::outputs::{self, Printed};
use crate::{Check, shown};
use sortie_plugins::surfaces::agent::{
    Conclusion, Ending, Event, Exit, MAX_PUSH_BYTES, Mode, Model, ModelApi, Stream, Task,
};
use sortie_plugins::{Limits, Parser, Plugins};

/// Asks the agent plugin that is loaded as `name`. Every check is reported.
pub async fn check(plugins: &Plugins, name: &str) -> Vec<Check> {
    let suite = Suite { plugins, name };
    vec![
        Check::all("A1 an ordinary task is planned", suite.ordinary().await),
        Check::all(
            "A2 any task is planned, or refused with a reason",
            suite.tasks().await,
        ),
        Check::all(
            "A3 output says the same however it is cut",
            suite.cuts().await,
        ),
        Check::all("A4 no output breaks the parser", suite.outputs().await),
        Check::new(
            "A5 a parser reads more than its memory holds",
            suite.endless().await.err(),
        ),
        Check::all(
            "A6 a program that failed did not finish its task",
            suite.ends().await,
        ),
        Check::all(
            "A7 an agent that fell silent is told to go on, or refuses with a reason",
            suite.nudges().await,
        ),
    ]
}

/// The longest task that the host takes.
const LONG_TASK_BYTES: usize = 64 << 10;

/// A length that divides neither pushes nor lines.
const ODD_BYTES: usize = 4_093;

fn task(prompt: &str, mode: Mode) -> Task {
    Task {
        prompt: prompt.into(),
        instruction: prompt.into(),
        mode,
        role: "build".into(),
        workspace: "/workspace".into(),
        home: "/home/agent".into(),
        model_endpoint: Some("http://127.0.0.1:8080".into()),
        model: Some(Model {
            name: "large".into(),
            apis: vec![
                ModelApi::ChatCompletions,
                ModelApi::Responses,
                ModelApi::Messages,
            ],
            context_tokens: Some(200_000),
            output_tokens: Some(32_000),
            vision: false,
        }),
        time_limit_ms: 600_000,
        nudge: None,
    }
}

/// What a host may know of a model besides that it has one.
fn models() -> Vec<(&'static str, Option<Model>)> {
    let model = |apis: &[ModelApi]| Model {
        name: "vendor/small:1.5-preview@eu \"x\"".into(),
        apis: apis.into(),
        context_tokens: None,
        output_tokens: None,
        vision: true,
    };
    let tiny = Model {
        context_tokens: Some(0),
        output_tokens: Some(u32::MAX),
        ..model(&[
            ModelApi::Messages,
            ModelApi::Responses,
            ModelApi::ChatCompletions,
        ])
    };
    vec![
        ("without a model", None),
        (
            "with a model of chat completions only",
            Some(model(&[ModelApi::ChatCompletions])),
        ),
        (
            "with a model of responses only",
            Some(model(&[ModelApi::Responses])),
        ),
        (
            "with a model of messages only",
            Some(model(&[ModelApi::Messages])),
        ),
        ("with a model of no known API", Some(model(&[]))),
        ("with a model of odd numbers", Some(tiny)),
    ]
}

struct Suite<'a> {
    plugins: &'a Plugins,
    name: &'a str,
}

impl Suite<'_> {
    /// The reason when there is no plan.
    async fn plan(&self, task: &Task) -> Result<Option<String>, String> {
        match self
            .plugins
            .agent_plan(self.name, task)
            .await
            .map_err(shown)?
        {
            Ok(_) => Ok(None),
            Err(reason) if reason.trim().is_empty() => Err("it refuses without a reason".into()),
            Err(reason) => Ok(Some(reason)),
        }
    }

    async fn ordinary(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for mode in [Mode::Write, Mode::ReadOnly] {
            match self.plan(&task("Fix the typo in README.md", mode)).await {
                Ok(None) => {}
                Ok(Some(reason)) => problems.push(format!("{mode:?}: it refuses: {reason}")),
                Err(problem) => problems.push(format!("{mode:?}: {problem}")),
            }
        }
        problems
    }

    async fn nudges(&self) -> Vec<String> {
        const NUDGE: &str = "Go on with it; nothing is lost.";
        let mut problems = Vec::new();
        for mode in [Mode::Write, Mode::ReadOnly] {
            let asked = Task {
                nudge: Some(NUDGE.into()),
                ..task("Fix the typo in README.md", mode)
            };
            match self.plugins.agent_plan(self.name, &asked).await {
                Err(error) => problems.push(format!("{mode:?}: {}", shown(error))),
                Ok(Err(reason)) if reason.trim().is_empty() => {
                    problems.push(format!("{mode:?}: it refuses without a reason"));
                }
                Ok(Err(_)) => {}
                Ok(Ok(plan)) => {
                    let files = plan.files.iter().map(|file| file.contents.as_slice());
                    let told = plan.argv.iter().map(|arg| arg.as_bytes());
                    let mut told = told.chain(plan.stdin.as_deref()).chain(files);
                    let words = NUDGE.as_bytes();
                    if !told.any(|text| text.windows(words.len()).any(|part| part == words)) {
                        problems.push(format!("{mode:?}: the agent is not told"));
                    }
                }
            }
        }
        problems
    }

    async fn tasks(&self) -> Vec<String> {
        let long = "Fix it. ".repeat(LONG_TASK_BYTES / 8);
        let wide = "\u{1f469}\u{200d}".repeat(LONG_TASK_BYTES / 7);
        let mut problems = Vec::new();
        for (what, prompt) in [
            ("no text", ""),
            ("a blank text", " \n\t"),
            ("one letter", "x"),
            ("the longest text", &long),
            ("the longest text of wide characters", &wide),
            ("a text with a NUL", "a\0b"),
            (
                "a text that looks like options",
                "--help -p '$(id)' \"; `x` \\",
            ),
            ("text of other scripts", "修复\u{202e} e\u{301}\u{1b}[2J"),
        ] {
            for model in [true, false] {
                let mut asked = task(prompt, Mode::Write);
                if !model {
                    (asked.model, asked.model_endpoint) = (None, None);
                }
                let with = if model { "" } else { ", without a model" };
                if let Err(problem) = self.plan(&asked).await {
                    problems.push(format!("{what}{with}: {problem}"));
                }
            }
        }
        for (with, model) in models() {
            for mode in [Mode::Write, Mode::ReadOnly] {
                let asked = Task {
                    role: "\u{4fee} of no known kind".into(),
                    model: model.clone(),
                    ..task("Fix it", mode)
                };
                if let Err(problem) = self.plan(&asked).await {
                    problems.push(format!("{with}, {mode:?}: {problem}"));
                }
            }
        }
        problems
    }

    async fn cuts(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for printed in outputs::short() {
            let whole = self.read(&printed.bytes, MAX_PUSH_BYTES).await;
            for pieces in [1, 2, 7] {
                match (&whole, self.read(&printed.bytes, pieces).await) {
                    (Ok(whole), Ok(cut)) if *whole == cut => {}
                    (Ok(whole), Ok(cut)) => {
                        problems.push(differs(printed.name, pieces, whole, &cut));
                    }
                    // What breaks the parser is told by the next check.
                    (Err(_), _) | (_, Err(_)) => {}
                }
            }
        }
        problems
    }

    async fn outputs(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for Printed { name, bytes } in outputs::short().into_iter().chain(outputs::long()) {
            for pieces in [MAX_PUSH_BYTES, ODD_BYTES] {
                if let Err(problem) = self.read(&bytes, pieces).await {
                    problems.push(format!("{name}: {problem}"));
                    break;
                }
            }
        }
        problems
    }

    /// Prints long lines until their sum is more than a call may have of
    /// memory.
    async fn endless(&self) -> Result<(), String> {
        let mut parser = self.parser().await?;
        let mut line = vec![b'x'; MAX_PUSH_BYTES];
        if let Some(end) = line.last_mut() {
            *end = b'\n';
        }
        let pushes = Limits::default().memory_bytes / line.len() + 1;
        for _ in 0..pushes {
            parser.push(Stream::Stdout, &line).await.map_err(shown)?;
        }
        parser.finish(Exit::Code(0)).await.map_err(shown).map(drop)
    }

    async fn ends(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (exit, may_complete) in [
            (Exit::Code(0), true),
            (Exit::Code(1), false),
            (Exit::Code(-1), false),
            (Exit::Signal(9), false),
            (Exit::Stopped("the time is up".into()), false),
            (Exit::Stopped(String::new()), false),
        ] {
            let what = format!("{exit:?} without output");
            let ended = match self.parser().await {
                Ok(parser) => parser.finish(exit).await.map_err(shown),
                Err(problem) => Err(problem),
            };
            match ended {
                Ok(end) if end.ending == Ending::Completed && !may_complete => {
                    problems.push(format!("after {what} it says that the task is done"));
                }
                Ok(_) => {}
                Err(problem) => problems.push(format!("{what}: {problem}")),
            }
        }
        problems
    }

    async fn parser(&self) -> Result<Parser, String> {
        self.plugins.agent_parser(self.name).await.map_err(shown)
    }

    /// What is said of an output that arrives in such pieces.
    async fn read(&self, bytes: &[u8], pieces: usize) -> Result<Said, String> {
        let mut parser = self.parser().await?;
        let mut events = Vec::new();
        for piece in bytes.chunks(pieces) {
            events.extend(parser.push(Stream::Stdout, piece).await.map_err(shown)?);
        }
        let end = parser.finish(Exit::Code(0)).await.map_err(shown)?;
        Ok(Said::new(events, end))
    }
}

/// All that was said. Prose may be told as it comes: neighbouring texts are one.
#[derive(Debug, PartialEq)]
struct Said {
    events: Vec<Event>,
    summary: String,
    ending: Ending,
}

impl Said {
    fn new(pushed: Vec<Event>, end: Conclusion) -> Self {
        let mut events: Vec<Event> = Vec::new();
        for event in pushed.into_iter().chain(end.events) {
            match (events.last_mut(), event) {
                (Some(Event::Text(before)), Event::Text(more)) => before.push_str(&more),
                (_, event) => events.push(event),
            }
        }
        Self {
            events,
            summary: end.summary,
            ending: end.ending,
        }
    }
}

fn differs(what: &str, pieces: usize, whole: &Said, cut: &Said) -> String {
    let of = |said: &Said, at: usize| match said.events.get(at) {
        Some(event) => format!("{event:?}"),
        None => "nothing".into(),
    };
    let longest = whole.events.len().max(cut.events.len());
    let at = (0..longest).find(|at| whole.events.get(*at) != cut.events.get(*at));
    match at {
        Some(at) => format!(
            "{what}, in pieces of {pieces} bytes: {} where the whole says {}; keep what is no \
             whole line yet",
            of(cut, at),
            of(whole, at)
        ),
        None => format!("{what}, in pieces of {pieces} bytes: another summary or ending"),
    }
}
