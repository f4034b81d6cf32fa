//! `@copilotkit/aimock`: models that say what a test wrote down for them, in
//! the protocols of OpenAI and Anthropic, whole and streamed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running server. It keeps every request in its journal, at
/// `/__aimock/journal`.
pub struct Models {
    process: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Drop for Models {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Models {
    /// Starts one on a free port, and waits until it listens. `fixtures` is what
    /// its documentation calls a fixture file; a request that fits none of them
    /// is answered with an error.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(fixtures: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("fixtures.json");
        std::fs::write(&file, fixtures).expect("written");
        let program = installed("@copilotkit/aimock/dist/cli.js");
        let mut process = Command::new("node")
            .arg(program)
            .args([
                "--port",
                "0",
                "--strict",
                "--validate-on-load",
                "--fixtures",
            ])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts; scripts/setup.sh --tests installs it");
        let stdout = process.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the models ended early: {}", said.join("\n"));
            };
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().parse().expect("an address");
            }
            said.push(line);
        };
        // Read on, so that it never waits for its log to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            address,
            _dir: dir,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A file of what `tests/servers/npm/setup.sh` installs.
///
/// # Panics
/// When it is missing; says how to get it.
pub(crate) fn installed(file: &str) -> PathBuf {
    let path = cache().join("test-servers/node_modules").join(file);
    assert!(
        path.is_file(),
        "{} is missing; run scripts/setup.sh --tests, or tests/servers/npm/setup.sh",
        path.display()
    );
    path
}

/// Where `scripts/lib.sh` keeps what can be made again.
fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from);
    set("SORTIE_CACHE_DIR").unwrap_or_else(|| {
        let home = || set("HOME").expect("a home").join(".cache");
        set("XDG_CACHE_HOME").unwrap_or_else(home).join("sortie")
    })
}
