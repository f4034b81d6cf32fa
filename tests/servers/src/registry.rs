//! Debian's `docker-registry`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running registry.
pub struct Registry {
    process: Child,
    dir: tempfile::TempDir,
    port: u16,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Starts one on a free port, and waits until it listens. `auth` is that part
    /// of its configuration; `DIR/htpasswd` knows `user` with `hunter2-hunter2`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(auth: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {0}/data }} }}\nhttp: {{ addr: '127.0.0.1:0' }}\n{1}",
            dir.path().display(),
            auth.replace("DIR", &dir.path().display().to_string())
        );
        std::fs::write(&config, text).expect("written");
        std::fs::write(dir.path().join("htpasswd"), HTPASSWD).expect("written");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("start docker-registry: {error}; run scripts/setup.sh --tests, or apt-get install docker-registry")
            });
        let stderr = process.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines();
        let mut said = Vec::new();
        let port = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the registry ended early: {}", said.join("\n"));
            };
            if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                break digits.parse().expect("a port");
            }
            said.push(line);
        };
        // Read on, so that it never waits for its log to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, dir, port }
    }

    /// The reference of something in it.
    pub fn at(&self, rest: &str) -> String {
        format!("oci://127.0.0.1:{}/{rest}", self.port)
    }

    /// The file in which it keeps the bytes of this SHA-256, in hex.
    pub fn blob(&self, hex: &str) -> PathBuf {
        self.dir
            .path()
            .join("data/docker/registry/v2/blobs/sha256")
            .join(&hex[..2])
            .join(hex)
            .join("data")
    }
}

/// `user` with the password `hunter2-hunter2`, hashed with bcrypt.
const HTPASSWD: &str = "user:$2b$04$j.uTNN98sTJp9xHKT5hN0eKweCijGrTFjY/ppyWEgbfrF3bXlHB.i\n";
