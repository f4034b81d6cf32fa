//! What a runner image is made of: the files of the build context, their one digest, and the extra CA
//! certificates among them. It never lets a private key in.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

/// One file of the build context.
#[derive(Clone)]
pub struct Input {
    /// Its path in the context.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it is a program.
    pub executable: bool,
}

impl Input {
    /// A file that is no program.
    pub fn file(path: &str, bytes: Vec<u8>) -> Self {
        Self {
            path: path.into(),
            bytes,
            executable: false,
        }
    }
}

/// The certificates in `dir`, by name. A folder that was asked for must exist, the default one need not.
pub fn certificates(dir: &Path, required: bool) -> anyhow::Result<Vec<Input>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
            return Ok(keep_folder(Vec::new()));
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("read the CA certificates in {}", dir.display()));
        }
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("read the CA certificates in {}", dir.display()))?
            .path();
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| name.ends_with(".crt"))
        else {
            continue;
        };
        let bytes = fs::read(&path)
            .with_context(|| format!("read the CA certificate {}", path.display()))?;
        // A private key must never slip into an image.
        if String::from_utf8_lossy(&bytes).contains("PRIVATE KEY-----") {
            bail!(
                "add the CA certificate {}: the file holds a private key; give the certificate alone",
                path.display()
            );
        }
        found.push(Input {
            path: format!("ca/{name}"),
            bytes,
            executable: false,
        });
    }
    Ok(keep_folder(found))
}

/// The Dockerfile copies `ca/`, and a builder refuses to copy a folder that is not there.
fn keep_folder(mut inputs: Vec<Input>) -> Vec<Input> {
    let bytes =
        b"Extra CA certificates that this image trusts, if any, are beside this file.\n".to_vec();
    inputs.push(Input {
        path: "ca/README".into(),
        bytes,
        executable: false,
    });
    inputs.sort_by(|one, other| one.path.cmp(&other.path));
    inputs
}

/// One digest of the settings and of every file's path, mode and content, lengths included, so that
/// nothing can be moved from one into another unnoticed.
pub fn digest(settings: &[&str], inputs: &[Input]) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for setting in settings {
        add(setting.as_bytes());
    }
    for input in inputs {
        add(input.path.as_bytes());
        add(&[u8::from(input.executable)]);
        add(&input.bytes);
    }
    hex::encode(hash.finalize())
}

/// Writes the files into a new folder.
pub fn stage(context: &Path, inputs: &[Input]) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for input in inputs {
        let path = context.join(&input.path);
        let folder = path.parent().expect("a file in the context has a folder");
        let mode = if input.executable { 0o755 } else { 0o644 };
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, &input.bytes))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .with_context(|| format!("stage {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, bytes: &[u8]) -> Input {
        Input {
            path: path.into(),
            bytes: bytes.into(),
            executable: false,
        }
    }

    #[test]
    fn the_digest_depends_on_everything() {
        let base = digest(&["id"], &[input("a", b"1"), input("b", b"2")]);
        assert_eq!(base, digest(&["id"], &[input("a", b"1"), input("b", b"2")]));
        for other in [
            digest(&["other"], &[input("a", b"1"), input("b", b"2")]),
            digest(&["id"], &[input("a", b"1"), input("b", b"3")]),
            digest(&["id"], &[input("a", b"1"), input("c", b"2")]),
            digest(&["id"], &[input("a", b"1")]),
            digest(&["id"], &[input("a", b"1b"), input("", b"2")]),
            digest(
                &["id"],
                &[
                    input("a", b"1"),
                    Input {
                        executable: true,
                        ..input("b", b"2")
                    },
                ],
            ),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn only_certificates_are_taken_and_a_private_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("company.crt"),
            "-----BEGIN CERTIFICATE-----",
        )
        .unwrap();
        fs::write(dir.path().join("notes.txt"), "no").unwrap();
        let paths: Vec<_> = certificates(dir.path(), true)
            .unwrap()
            .into_iter()
            .map(|input| input.path)
            .collect();
        assert_eq!(paths, ["ca/README", "ca/company.crt"]);

        fs::write(
            dir.path().join("oops.crt"),
            "-----BEGIN RSA PRIVATE KEY-----",
        )
        .unwrap();
        let error = certificates(dir.path(), true).err().unwrap().to_string();
        assert!(
            error.contains("oops.crt") && error.contains("private key"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_folder_is_an_error_only_when_it_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none");
        assert_eq!(certificates(&missing, false).unwrap().len(), 1);
        assert!(certificates(&missing, true).is_err());
    }

    #[test]
    fn staged_files_have_their_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let program = Input {
            executable: true,
            ..input("sortie-runner", b"x")
        };
        stage(dir.path(), &[program, input("ca/README", b"y")]).unwrap();
        let mode = |path: &str| {
            fs::metadata(dir.path().join(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!((mode("sortie-runner"), mode("ca/README")), (0o755, 0o644));
    }
}
