//! Runs the binary in a folder of its own, with an environment of its own.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The longest a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Rig {
    pub dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The error on stderr of a command that was asked for JSON.
    pub fn error(&self) -> Value {
        let error: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|_| panic!("no JSON: {self:?}"));
        assert_eq!(error["error"]["exit_code"], self.code);
        error["error"].clone()
    }
}

impl Rig {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A configuration with one project and no container engine.
    pub fn configured() -> Self {
        let rig = Self::new();
        rig.write(
            "sortie.toml",
            "[host]\ndata_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n\
             [engine]\nendpoint = \"unix:///nonexistent/engine.sock\"\n\
             [projects.shop]\nrepository = \"https://git.example.com/shop.git\"\n",
        );
        rig
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sortie"));
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path())
            // Shared by all tests, so that plugins are compiled once.
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, &[])
    }

    pub fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Done {
        let mut command = self.command();
        command.args(args).envs(env.iter().copied());
        done(command.output().unwrap())
    }

    #[expect(clippy::disallowed_methods, reason = "git as a person runs it")]
    pub fn git(&self, dir: &str, args: &[&str]) {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path().join(dir))
            .args(["-c", "user.name=T", "-c", "user.email=t@localhost"])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }

    /// Starts a host and waits until it is ready; gives its ready line too.
    pub fn serve(&self) -> (Host, String) {
        let mut child = self
            .command()
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The test may have all it wanted.
                let _ = sender.send(line);
            }
        });
        let host = Host { child };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = receiver.recv_timeout(left).expect("the host becomes ready");
            if line.starts_with("sortie is ready") {
                // Kept open, or the host would write into a broken pipe.
                std::mem::forget(receiver);
                return (host, line);
            }
        }
    }
}

fn done(output: Output) -> Done {
    Done {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub struct Host {
    child: Child,
}

impl Host {
    /// Asks it to end; gives its exit code.
    pub fn stop(mut self) -> i32 {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
