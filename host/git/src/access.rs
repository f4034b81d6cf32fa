//! Handing credentials to git so that neither the process list, nor an
//! environment, nor a disk, nor a log holds them.
//!
//! The secret is written into an anonymous memory file of this process. Git
//! is told a helper that prints `/proc/<pid>/fd/<n>`, which only the same
//! user can open, and which is gone as soon as the operation (or this process,
//! however it ends) is.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::memfd::{MFdFlags, memfd_create};
use zeroize::Zeroizing;

use crate::GitError;
use crate::environment::Environment;
use crate::options::{GitOptions, SshKey};
use crate::url::{RemoteUrl, Transport};

/// An environment that can reach one remote, and what must stay open while it
/// is in use.
pub(crate) struct Access {
    pub(crate) environment: Environment,
    _held: Option<MemoryFile>,
}

impl Access {
    /// Everything git needs to reach `remote` from `git_dir`.
    pub(crate) fn new(
        options: &GitOptions,
        remote: &RemoteUrl,
        git_dir: Option<&Path>,
    ) -> Result<Self, GitError> {
        let mut environment = Environment::local(git_dir);
        environment.allow(remote.transport());
        for name in &options.pass_env {
            if let Some(value) = std::env::var_os(name) {
                environment.set(name, value);
            }
        }
        let held = match remote.transport() {
            Transport::File => None,
            Transport::Https | Transport::Http => http(options, remote, &mut environment)?,
            Transport::Ssh => ssh(options, &mut environment)?,
        };
        Ok(Self {
            environment,
            _held: held,
        })
    }
}

fn http(
    options: &GitOptions,
    remote: &RemoteUrl,
    environment: &mut Environment,
) -> Result<Option<MemoryFile>, GitError> {
    let Some(url) = remote.http_url() else {
        return Ok(None);
    };
    let credential = options
        .credentials
        .iter()
        .filter(|c| c.remote.matches(&url))
        .max_by_key(|c| c.remote.specificity());
    let Some(credential) = credential else {
        return Ok(None);
    };
    let secret = options.vault.get(&credential.secret)?;
    let unfit = |name: &str, reason| GitError::SecretUnfit {
        name: name.to_owned(),
        reason,
    };
    let breaks = |text: &str| text.contains(['\n', '\r', '\0']);
    if breaks(secret.expose()) {
        return Err(unfit(&credential.secret, "a password is a single line"));
    }
    if breaks(&credential.username) {
        return Err(unfit(&credential.secret, "its user name holds a line end"));
    }
    let answer = Zeroizing::new(format!(
        "username={}\npassword={}\n",
        credential.username,
        secret.expose()
    ));
    let file = MemoryFile::new(answer.as_bytes())?;
    // The helper is tied to the origin: it answers for no other host, not
    // even one that the remote redirects to.
    let origin = url.origin().ascii_serialization();
    let helper = format!("!f() {{ test \"$1\" = get && cat {}; }}; f", file.path());
    environment.setting(&format!("credential.{origin}.helper"), &helper);
    Ok(Some(file))
}

fn ssh(
    options: &GitOptions,
    environment: &mut Environment,
) -> Result<Option<MemoryFile>, GitError> {
    // Whatever ssh could do beside carrying git's bytes is off, and it never
    // asks: there is nobody to answer.
    let mut words: Vec<OsString> = [
        "ssh",
        "-F",
        "/dev/null",
        "-o",
        "BatchMode=yes",
        "-o",
        "ClearAllForwardings=yes",
        "-o",
        "ConnectTimeout=20",
        "-o",
        "ControlMaster=no",
        "-o",
        "ControlPath=none",
        "-o",
        "ForwardAgent=no",
        "-o",
        "PermitLocalCommand=no",
        "-o",
        "ServerAliveInterval=15",
        "-o",
        "ServerAliveCountMax=4",
        "-o",
    ]
    .map(OsString::from)
    .to_vec();
    words.push(
        if options.ssh.accept_new_hosts {
            "StrictHostKeyChecking=accept-new"
        } else {
            "StrictHostKeyChecking=yes"
        }
        .into(),
    );
    if let Some(path) = &options.ssh.known_hosts {
        let mut option = OsString::from("UserKnownHostsFile=");
        option.push(ssh_path(path)?);
        words.extend(["-o".into(), option]);
        words.extend(["-o", "GlobalKnownHostsFile=/dev/null"].map(OsString::from));
    }
    let held = match &options.ssh.key {
        None => {
            if let Some(agent) = std::env::var_os("SSH_AUTH_SOCK") {
                environment.set("SSH_AUTH_SOCK", agent);
            }
            None
        }
        Some(key) => {
            words.extend(
                ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i"].map(OsString::from),
            );
            match key {
                SshKey::File(path) => {
                    words.push(path.into());
                    None
                }
                SshKey::Secret(name) => {
                    let secret = options.vault.get(name)?;
                    let file = MemoryFile::new(secret.expose().as_bytes())?;
                    words.push(file.path().into());
                    Some(file)
                }
            }
        }
    };
    environment.set("GIT_SSH_COMMAND", shell_line(&words));
    environment.set("GIT_SSH_VARIANT", "ssh");
    environment.set("SSH_ASKPASS_REQUIRE", "never");
    Ok(held)
}

/// ssh splits the value of this option at spaces, unless it is quoted, and
/// expands `%` sequences.
fn ssh_path(path: &Path) -> Result<OsString, GitError> {
    let text = path.to_str().filter(|t| !t.contains(['"', '\n']));
    let Some(text) = text else {
        return Err(GitError::Io {
            what: "use the known hosts file",
            path: path.to_owned(),
            source: std::io::Error::other("its path holds characters that ssh cannot take"),
        });
    };
    Ok(format!("\"{}\"", text.replace('%', "%%")).into())
}

/// Git hands this line to a shell; each word is quoted as a whole.
fn shell_line(words: &[OsString]) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut line = Vec::new();
    for word in words {
        if !line.is_empty() {
            line.push(b' ');
        }
        line.push(b'\'');
        for &byte in word.as_bytes() {
            match byte {
                b'\'' => line.extend_from_slice(b"'\\''"),
                _ => line.push(byte),
            }
        }
        line.push(b'\'');
    }
    OsString::from_vec(line)
}

/// A file that exists in memory only, for as long as this value does.
struct MemoryFile(File);

impl MemoryFile {
    fn new(content: &[u8]) -> Result<Self, GitError> {
        let make = || -> std::io::Result<File> {
            let fd = memfd_create(c"sortie", MFdFlags::MFD_CLOEXEC)?;
            let mut file = File::from(fd);
            // ssh refuses keys that others could read.
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            file.write_all(content)?;
            Ok(file)
        };
        make()
            .map(Self)
            .map_err(GitError::io("hold a secret in memory at", "memfd"))
    }

    /// A path under which a process of the same user can open it, each time
    /// from its start.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_file_reads_the_same_each_time_and_ends_with_its_value() {
        let file = MemoryFile::new(b"content").expect("memory files work");
        let path = file.path();
        for _ in 0..2 {
            assert_eq!(std::fs::read(&path).expect("opens"), b"content");
        }
        let mode = std::fs::metadata(&path)
            .expect("exists")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(file);
        // The number may already belong to another file of this process.
        assert_ne!(
            std::fs::read(&path).ok().as_deref(),
            Some(b"content".as_slice())
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the shell is what is tested")]
    fn words_survive_the_shell() {
        let words = ["ssh", "-i", "/a b/it's $HOME `x`"].map(OsString::from);
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg({
                let mut line = OsString::from("printf '%s\\n' ");
                line.push(shell_line(&words));
                line
            })
            .output()
            .expect("sh runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "ssh\n-i\n/a b/it's $HOME `x`\n"
        );
    }
}
