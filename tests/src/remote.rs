//! A repository to work on, and the bare remote it lives in.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A bare repository that writes a line for every ref a push changes.
pub struct Remote {
    dir: tempfile::TempDir,
}

impl Remote {
    /// A remote whose `main` holds the given files.
    pub fn with(files: &[(&str, &str)]) -> Result<Self> {
        let remote = Self::empty()?;
        let work = remote.dir.path().join("work");
        git(remote.dir.path(), &["init", "-q", "-b", "main", "work"])?;
        for (path, text) in files {
            let path = work.join(path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, text)?;
            if text.starts_with("#!") {
                std::fs::set_permissions(&path, executable())?;
            }
        }
        git(&work, &["add", "-A"])?;
        git(&work, &["commit", "-q", "-m", "Begin"])?;
        let bare = remote.path();
        git(&work, &["push", "-q", &bare.to_string_lossy(), "main"])?;
        std::fs::write(remote.push_log(), "")?;
        Ok(remote)
    }

    /// A remote without a commit.
    pub fn empty() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        git(
            dir.path(),
            &["init", "-q", "--bare", "-b", "main", "remote.git"],
        )?;
        let remote = Self { dir };
        let hook = remote.path().join("hooks/post-receive");
        let log = remote.push_log();
        let script = format!(
            "#!/bin/sh\ncat >> '{log}'\nif [ -p '{gate}' ]; then exec < '{gate}'; fi\n",
            log = log.display(),
            gate = remote.gate().display(),
        );
        std::fs::write(&hook, script)?;
        std::fs::set_permissions(&hook, executable())?;
        std::fs::write(log, "")?;
        Ok(remote)
    }

    /// The bare repository.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    fn push_log(&self) -> PathBuf {
        self.dir.path().join("pushes")
    }

    fn gate(&self) -> PathBuf {
        self.dir.path().join("gate")
    }

    /// Holds the next push: its ref has moved, and the one who pushes is kept
    /// waiting for the answer.
    pub fn hold(&self) -> Result<HeldPush> {
        let gate = self.gate();
        let made = Command::new("mkfifo").arg(&gate).status()?;
        ensure!(made.success(), "mkfifo {}", gate.display());
        Ok(HeldPush(gate))
    }

    /// Every ref change since the remote was made, as `OLD NEW REF`.
    pub fn pushes(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(self.push_log())?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The branches, without `main`.
    pub fn branches(&self) -> Result<Vec<String>> {
        let refs = git(
            &self.path(),
            &["for-each-ref", "--format=%(refname:short)", "refs/heads"],
        )?;
        Ok(refs
            .lines()
            .filter(|name| *name != "main")
            .map(str::to_owned)
            .collect())
    }

    /// A file as it stands on a branch.
    pub fn file(&self, branch: &str, path: &str) -> Result<String> {
        git(&self.path(), &["show", &format!("{branch}:{path}")])
    }

    /// Puts a commit of someone else's on a branch.
    pub fn occupy(&self, branch: &str) -> Result<()> {
        let main = git(&self.path(), &["rev-parse", "main"])?;
        git(&self.path(), &["branch", branch, main.trim()])?;
        Ok(())
    }
}

/// A push that waits, or the place where the next one will.
pub struct HeldPush(PathBuf);

impl HeldPush {
    /// Waits for a push to get there, runs `meanwhile`, then lets it go.
    pub async fn meanwhile<T>(self, meanwhile: impl Future<Output = Result<T>>) -> Result<T> {
        let gate = self.0.clone();
        // Opening one end of a pipe waits for the other.
        let open =
            tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(gate));
        let held = tokio::time::timeout(crate::PATIENCE, open).await???;
        std::fs::remove_file(&self.0)?;
        let done = meanwhile.await;
        drop(held);
        done
    }
}

/// Runs git and gives back what it printed.
pub fn git(dir: &Path, args: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@localhost",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .context("start git")?;
    ensure!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn executable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}
