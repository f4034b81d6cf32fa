//! A real `sshd` on a loopback port, with keys of its own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running server; killed with the value.
pub struct Sshd {
    child: Child,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// The private key that it lets in.
    pub key: PathBuf,
    /// A file that knows the server's own key.
    pub known_hosts: PathBuf,
    user: String,
}

impl Sshd {
    /// Starts one with its files in `dir`, and waits until it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(dir: &Path) -> Self {
        let key = dir.join("id_ed25519");
        let host_key = dir.join("host_key");
        keygen(&key);
        keygen(&host_key);
        std::fs::copy(key.with_extension("pub"), dir.join("authorized_keys")).expect("copied");
        // Root's sshd wants this directory; anybody else's does without.
        let _ = std::fs::create_dir_all("/run/sshd");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let config = dir.join("sshd_config");
        let lines = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n",
            host_key.display(),
            dir.join("authorized_keys").display(),
        );
        std::fs::write(&config, lines).expect("written");
        let mut child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sshd runs: apt-get install openssh-server");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("Server listening") {
            line.clear();
            let read = log.read_line(&mut line).expect("it logs");
            assert!(read > 0, "sshd ended before it listened");
        }
        // The pipe must be read on, or sshd stops at a full one.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let public = std::fs::read_to_string(host_key.with_extension("pub")).expect("a key");
        let known_hosts = dir.join("known hosts");
        std::fs::write(&known_hosts, format!("[127.0.0.1]:{port} {public}")).expect("written");
        let user = Command::new("id")
            .arg("-un")
            .output()
            .expect("id runs")
            .stdout;
        Self {
            child,
            port,
            key,
            known_hosts,
            user: String::from_utf8_lossy(&user).trim().to_owned(),
        }
    }

    /// The address of a path there.
    pub fn url(&self, path: &Path) -> String {
        format!(
            "ssh://{}@127.0.0.1:{}{}",
            self.user,
            self.port,
            path.display()
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a pair of keys, the public one in `path.pub`.
///
/// # Panics
/// When `ssh-keygen` does not run.
pub fn keygen(path: &Path) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .status()
        .expect("ssh-keygen runs: apt-get install openssh-client");
    assert!(status.success());
}
