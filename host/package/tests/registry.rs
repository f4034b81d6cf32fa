//! A registry that nobody here wrote: Debian's `docker-registry`, started for
//! one test and ended with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sortie_package::Digest;
use sortie_package::fetch::{FetchError, FetchOptions, Login, Source, push};

use crate::{at_most, get, package};

/// A running registry.
struct Registry {
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
    /// Starts one on a free port. `auth` is that part of its configuration.
    fn start(auth: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {0}/data }} }}\nhttp: {{ addr: '127.0.0.1:0' }}\n{1}",
            dir.path().display(),
            auth.replace("DIR", &dir.path().display().to_string())
        );
        std::fs::write(&config, text).unwrap();
        std::fs::write(dir.path().join("htpasswd"), HTPASSWD).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test's own registry")]
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
        let stderr = process.stderr.take().unwrap();
        let mut lines = BufReader::new(stderr).lines();
        let mut said = Vec::new();
        let port = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the registry ended early: {}", said.join("\n"));
            };
            if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                break digits.parse().unwrap();
            }
            said.push(line);
        };
        // Read on, so that it never waits for its log to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, dir, port }
    }

    fn at(&self, rest: &str) -> String {
        format!("oci://127.0.0.1:{}/{rest}", self.port)
    }

    /// The file in which it keeps these bytes.
    fn blob(&self, digest: Digest) -> std::path::PathBuf {
        let hex = digest.hex();
        self.dir
            .path()
            .join("data/docker/registry/v2/blobs/sha256")
            .join(&hex[..2])
            .join(&hex)
            .join("data")
    }
}

/// `user` with the password `hunter2-hunter2`, hashed with bcrypt.
const HTPASSWD: &str = "user:$2b$04$j.uTNN98sTJp9xHKT5hN0eKweCijGrTFjY/ppyWEgbfrF3bXlHB.i\n";

async fn publish(
    target: &str,
    bytes: &[u8],
    signature: Option<&str>,
) -> Result<Source, FetchError> {
    push(
        &Source::parse(target).unwrap(),
        bytes,
        signature,
        &at_most(1 << 20),
    )
    .await
}

#[tokio::test]
async fn what_is_pushed_is_fetched_by_tag_and_by_digest() {
    let registry = Registry::start("");
    let one = package("one");
    let pinned = publish(&registry.at("team/one:1.2.3"), &one, Some("signed"))
        .await
        .unwrap();
    let by_tag = get(&registry.at("team/one:1.2.3"), &at_most(1 << 20))
        .await
        .unwrap();
    assert_eq!((by_tag.digest, &by_tag.bytes), (Digest::of(&one), &one));
    assert_eq!(by_tag.signature.as_deref(), Some("signed"));
    assert_eq!(by_tag.pinned.to_string(), pinned.to_string());
    assert!(pinned.to_string().contains("@sha256:"), "{pinned}");

    // A tag moves; the digest does not.
    let two = package("two");
    publish(&registry.at("team/one:1.2.3"), &two, None)
        .await
        .unwrap();
    let moved = get(&registry.at("team/one:1.2.3"), &at_most(1 << 20))
        .await
        .unwrap();
    assert_eq!((moved.bytes, moved.signature), (two, None));
    let still = get(&pinned.to_string(), &at_most(1 << 20)).await.unwrap();
    assert_eq!(still.bytes, one);
}

#[tokio::test]
async fn what_is_not_there_too_large_or_changed_is_told_apart() {
    let registry = Registry::start("");
    let one = package("one");
    publish(&registry.at("one:1"), &one, None).await.unwrap();
    let missing = get(&registry.at("one:2"), &at_most(1 << 20))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, FetchError::Status { status: 404, .. }),
        "{missing:?}"
    );
    let large = get(&registry.at("one:1"), &at_most(10)).await.unwrap_err();
    assert!(
        matches!(large, FetchError::TooLarge { limit: 10, .. }),
        "{large:?}"
    );

    let mut other = one.clone();
    other[20] ^= 1;
    overwrite(&registry.blob(Digest::of(&one)), &other);
    let changed = get(&registry.at("one:1"), &at_most(1 << 20))
        .await
        .unwrap_err();
    assert!(
        changed.to_string().to_lowercase().contains("digest"),
        "{changed:?}"
    );
    overwrite(&registry.blob(Digest::of(&one)), &one[..30]);
    get(&registry.at("one:1"), &at_most(1 << 20))
        .await
        .unwrap_err();
}

fn overwrite(path: &Path, bytes: &[u8]) {
    assert!(path.is_file(), "{}", path.display());
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn only_components_with_a_manifest_are_published() {
    let registry = Registry::start("");
    for (bytes, said) in [
        (&b"text"[..], "no WebAssembly"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm\x0d\0\x01\0", "no manifest"),
    ] {
        let error = publish(&registry.at("one:1"), bytes, None)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let error = publish("./one.wasm", &package("one"), None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("oci://"), "{error}");
}

#[tokio::test]
async fn a_registry_with_a_password_is_asked_with_it() {
    let registry = Registry::start("auth: { htpasswd: { realm: test, path: DIR/htpasswd } }\n");
    let target = Source::parse(&registry.at("one:1")).unwrap();
    let login = |password: &str| FetchOptions {
        login: Some(Login {
            user: "user".into(),
            password: password.to_owned().into(),
        }),
        ..at_most(1 << 20)
    };
    let one = package("one");
    let right = login("hunter2-hunter2");
    push(&target, &one, None, &right).await.unwrap();
    assert_eq!(get(&target.to_string(), &right).await.unwrap().bytes, one);
    for wrong in [login("wrong"), at_most(1 << 20)] {
        let error = get(&target.to_string(), &wrong).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Status { status: 401, .. }),
            "{error:?}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
