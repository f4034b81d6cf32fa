//! Files that a step wants in place before it starts, and directories.
//!
//! The agent of an earlier step may have prepared the ground, so nothing is
//! written through a link that stands at the path itself: what is there is
//! removed, and the file made anew. Links further up lead only to where the
//! agent could write itself, the root file system being read-only.

use sortie_wire::message::{RunnerError, StepFile};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};

/// Where steps may have files: the volume and the temporary file systems.
const WRITABLE: [&str; 3] = ["/work", "/tmp", "/run"];

pub fn write(file: &StepFile) -> Result<(), RunnerError> {
    let path = checked(&file.path)?;
    let failed = |e: io::Error| RunnerError::System {
        action: format!("write {:?}", file.path),
        detail: e.to_string(),
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let mode = if file.executable { 0o755 } else { 0o644 };
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    opened.write_all(&file.contents).map_err(failed)
}

/// Makes a directory with its parents.
pub fn directory(path: &str) -> Result<(), RunnerError> {
    let absolute = Path::new(path);
    if absolute.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(checked(path)?).map_err(|e| RunnerError::System {
        action: format!("make {path:?}"),
        detail: e.to_string(),
    })
}

fn checked(path: &str) -> Result<&Path, RunnerError> {
    let invalid = |why: &str| RunnerError::Invalid {
        reason: format!("the path {path:?} {why}"),
    };
    let absolute = Path::new(path);
    if !absolute.is_absolute() {
        return Err(invalid("is not absolute"));
    }
    if absolute
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return Err(invalid("contains `..`"));
    }
    if !WRITABLE
        .iter()
        .any(|root| absolute.starts_with(root) && absolute != Path::new(root))
    {
        return Err(invalid("is not under /work, /tmp or /run"));
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_where_steps_may_write() {
        for good in ["/work/repo/a", "/tmp/x", "/run/y/z"] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in [
            "a",
            "../a",
            "/etc/passwd",
            "/work/../etc/x",
            "/work",
            "/workshop/x",
            "/",
            "",
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_link_at_the_path_is_replaced_not_followed() {
        let place = tempfile::tempdir_in("/tmp").unwrap();
        let target = place.path().join("target");
        let link = place.path().join("link");
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let path = link.to_str().unwrap().to_owned();
        write(&StepFile {
            path,
            contents: "new".into(),
            executable: true,
        })
        .unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"kept");
        assert_eq!(fs::read(&link).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
    }
}
