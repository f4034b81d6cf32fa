//! The log of a run: one JSON line for each chunk of output, in a file.
//!
//! The file is display material. Nothing is decided from it, and it can be
//! lost without losing a job. It is written by one run at a time; a run that
//! goes on after a restart reads how far each step's output was written and
//! does not write it twice.

use serde::{Deserialize, Serialize};
use sortie_model::clock::Timestamp;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When the host received it.
    pub at: Timestamp,
    /// The step it belongs to.
    pub step: String,
    /// The step's position in the run; names repeat, positions do not.
    #[serde(default)]
    pub position: u32,
    /// `stdout`, `stderr`, or `sortie` for the host's own words.
    pub stream: String,
    /// Where the step's output continues after this chunk, in bytes.
    pub end: u64,
    /// The output; invalid UTF-8 is replaced.
    pub text: String,
}

/// Where the log of a run stands.
pub fn path(data_dir: &Path, run: sortie_model::id::RunId) -> PathBuf {
    data_dir
        .join("runs")
        .join(run.0.to_string())
        .join("log.jsonl")
}

/// Appends to one run's log.
pub struct RunLog {
    file: tokio::fs::File,
    written: HashMap<u32, u64>,
}

impl RunLog {
    /// Opens the log, making it when it is not there. A last line that a crash
    /// cut short is removed.
    pub async fn open(path: &Path) -> std::io::Result<Self> {
        if let Some(parent) = path.parent() {
            tokio::fs::create_dir_all(parent).await?;
        }
        let mut options = tokio::fs::OpenOptions::new();
        options.create(true).append(true).read(true);
        let mut file = options.open(path).await?;
        let text = tokio::fs::read(path).await?;
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        if whole < text.len() {
            file.set_len(whole as u64).await?;
        }
        let mut written = HashMap::new();
        for line in text[..whole].split(|b| *b == b'\n') {
            if let Ok(line) = serde_json::from_slice::<LogLine>(line) {
                let end = written.entry(line.position).or_insert(0);
                *end = line.end.max(*end);
            }
        }
        file.flush().await?;
        Ok(Self { file, written })
    }

    /// How far the output of a step is written, in bytes.
    pub fn written(&self, position: u32) -> u64 {
        self.written.get(&position).copied().unwrap_or(0)
    }

    /// Appends a chunk unless it is there already.
    pub async fn append(&mut self, line: LogLine) -> std::io::Result<()> {
        if line.stream != HOST && line.end <= self.written(line.position) {
            return Ok(());
        }
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.file.write_all(&text).await?;
        self.file.flush().await?;
        let end = self.written.entry(line.position).or_insert(0);
        *end = line.end.max(*end);
        Ok(())
    }

    /// Appends a line of the host's own.
    pub async fn say(
        &mut self,
        at: Timestamp,
        step: &str,
        position: u32,
        text: &str,
    ) -> std::io::Result<()> {
        self.append(LogLine {
            at,
            step: step.to_owned(),
            stream: HOST.to_owned(),
            position,
            end: self.written(position),
            text: format!("{text}\n"),
        })
        .await
    }
}

/// The stream of the host's own words.
const HOST: &str = "sortie";

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(end: u64, text: &str) -> LogLine {
        LogLine {
            at: Timestamp(0),
            step: "agent".into(),
            position: 0,
            stream: "stdout".into(),
            end,
            text: text.into(),
        }
    }

    async fn texts(path: &Path) -> Vec<String> {
        let bytes = tokio::fs::read(path).await.expect("the log is there");
        bytes
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice::<LogLine>(line)
                    .expect("whole lines")
                    .text
            })
            .collect()
    }

    #[tokio::test]
    async fn a_replayed_chunk_is_written_once() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("1/log.jsonl");
        let mut log = RunLog::open(&path).await.expect("opens");
        log.append(chunk(3, "one")).await.expect("writes");
        drop(log);
        let mut log = RunLog::open(&path).await.expect("opens again");
        log.append(chunk(3, "one")).await.expect("skips");
        log.append(chunk(6, "two")).await.expect("writes");
        assert_eq!(texts(&path).await, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_cut_line_is_removed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("log.jsonl");
        let mut log = RunLog::open(&path).await.expect("opens");
        log.append(chunk(3, "one")).await.expect("writes");
        log.file.write_all(b"{\"at\":1,").await.expect("writes");
        log.file.flush().await.expect("flushes");
        drop(log);
        let mut log = RunLog::open(&path).await.expect("opens again");
        log.append(chunk(6, "two")).await.expect("writes");
        assert_eq!(texts(&path).await, ["one", "two"]);
    }
}
