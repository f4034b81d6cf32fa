//! Contents of files out of the object store, for readers that are not
//! asynchronous. One `git cat-file --batch` is started at the first question
//! and lives as long as the diff it belongs to; a question that takes too long
//! ends it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sortie_model::diff::DiffError;

use crate::environment::Environment;

/// Reads objects of one mirror.
pub(crate) struct Blobs {
    program: PathBuf,
    environment: Environment,
    limit: u64,
    wall: Duration,
    worker: Mutex<Option<Worker>>,
}

struct Question {
    id: String,
    limit: u64,
    answer: SyncSender<io::Result<Blob>>,
}

enum Blob {
    Content(Vec<u8>),
    TooLarge(u64),
    Missing,
}

/// The process, and the thread that speaks to it.
struct Worker {
    questions: Option<SyncSender<Question>>,
    child: Child,
}

impl Blobs {
    pub(crate) fn new(program: PathBuf, git_dir: &Path, limit: u64, wall: Duration) -> Self {
        Self {
            program,
            environment: Environment::local(Some(git_dir)),
            limit,
            wall,
            worker: Mutex::new(None),
        }
    }

    /// The contents of an object; `what` names it in errors.
    pub(crate) fn read(&self, id: &str, what: &str) -> Result<Vec<u8>, DiffError> {
        let failed =
            |reason: &dyn std::fmt::Display| DiffError::Source(format!("{what}: {reason}"));
        let mut slot = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = match slot.take() {
            Some(worker) => worker,
            None => self.start().map_err(|e| failed(&e))?,
        };
        let (answer, answered) = sync_channel(1);
        let question = Question {
            id: id.to_owned(),
            limit: self.limit,
            answer,
        };
        let asked = worker
            .questions
            .as_ref()
            .is_some_and(|q| q.send(question).is_ok());
        let result = match answered.recv_timeout(self.wall) {
            Ok(Ok(blob)) if asked => blob,
            Ok(Err(error)) => return Err(failed(&error)),
            _ => return Err(failed(&"git gave no answer")),
        };
        // Only a worker that answered is asked again.
        *slot = Some(worker);
        match result {
            Blob::Content(content) => Ok(content),
            Blob::TooLarge(bytes) => Err(DiffError::TooLarge {
                what: what.to_owned(),
                bytes,
                limit: self.limit,
            }),
            Blob::Missing => Err(failed(&"the mirror does not hold its contents")),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "one of the two doors of this crate"
    )]
    fn start(&self) -> io::Result<Worker> {
        let mut child = Command::new(&self.program)
            .args(["cat-file", "--batch"])
            .env_clear()
            .envs(self.environment.variables())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut worker = Worker {
            questions: None,
            child,
        };
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(io::Error::other("git was started without pipes"));
        };
        let (questions, asked) = sync_channel(1);
        std::thread::Builder::new()
            .name("git-cat-file".into())
            .spawn(move || serve(&asked, stdin, BufReader::new(stdout)))?;
        worker.questions = Some(questions);
        Ok(worker)
    }
}

fn serve(asked: &Receiver<Question>, mut stdin: impl Write, mut stdout: impl BufRead) {
    while let Ok(question) = asked.recv() {
        let result = ask(&mut stdin, &mut stdout, &question);
        let broken = result.is_err();
        // Nobody waits any more: then nobody asks any more either.
        if question.answer.send(result).is_err() || broken {
            return;
        }
    }
}

fn ask(stdin: &mut impl Write, stdout: &mut impl BufRead, question: &Question) -> io::Result<Blob> {
    const MAX_HEAD_BYTES: u64 = 200;
    writeln!(stdin, "{}", question.id)?;
    stdin.flush()?;
    let mut head = String::new();
    stdout.take(MAX_HEAD_BYTES).read_line(&mut head)?;
    if head.ends_with(" missing\n") {
        return Ok(Blob::Missing);
    }
    let size = head
        .trim_end()
        .rsplit(' ')
        .next()
        .and_then(|s| s.parse().ok());
    let size: u64 = size.ok_or_else(|| io::Error::other("git's answer cannot be read"))?;
    if size > question.limit {
        io::copy(&mut stdout.take(size + 1), &mut io::sink())?;
        return Ok(Blob::TooLarge(size));
    }
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    stdout.take(size).read_to_end(&mut content)?;
    let mut end = [0];
    stdout.read_exact(&mut end)?;
    Ok(Blob::Content(content))
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The thread ends when its channel or its pipe does.
        self.questions = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
