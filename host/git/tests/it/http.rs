//! Remotes over HTTP with a password: it works, and the password shows up
//! nowhere.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sortie_git::{ErrorClass, GitError, GitOptions, PushExpect, PushOutcome, RemoteUrl};
use sortie_vault::{GitCredential, Secret, SecretSource, Vault};

use crate::support::http::Server;
use crate::support::{World, accept, git};

const PASSWORD: &str = "s3cr3t-pa55/w0rd+%";

/// The host knows `password` for `port`.
fn log_in(options: &mut GitOptions, port: u16, password: &str) {
    let source = SecretSource::Value(Secret::new(password.to_owned()));
    options.vault = Vault::new(BTreeMap::from([("forge".to_owned(), source)])).expect("a name");
    options.credentials = vec![GitCredential {
        remote: format!("http://127.0.0.1:{port}")
            .parse()
            .expect("a pattern"),
        username: "bot".to_owned(),
        secret: "forge".to_owned(),
    }];
}

/// A world whose remote is also served over HTTP, and a host that knows
/// `password`.
async fn served(password: &str) -> (World, Arc<Server>) {
    let probe = World::new();
    let server = Server::start(probe.dir.path(), Some(("bot", PASSWORD))).await;
    let mut options = GitOptions::new(probe.path("mirrors"));
    log_in(&mut options, server.port, password);
    let world = World {
        git: sortie_git::Git::new(options),
        ..probe
    };
    (world, server)
}

#[tokio::test]
async fn fetch_and_push_with_a_password_that_appears_nowhere() {
    let log = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let (world, server) = served(PASSWORD).await;
    let url = server.url("remote.git");
    // While a fetch that has logged in is under way, no process shows it.
    server.stall.store(true, Ordering::SeqCst);
    {
        let fetch = world.git.mirror(&url);
        tokio::pin!(fetch);
        tokio::select! {
            _ = &mut fetch => panic!("the server does not answer yet"),
            () = server.stalled.notified() => {}
        }
        assert_eq!(processes_that_show(PASSWORD), Vec::<String>::new());
        assert!(
            !processes_that_show("remote.git").is_empty(),
            "the search itself works"
        );
    }
    server.stall.store(false, Ordering::SeqCst);

    let mirror = world.git.mirror(&url).await.expect("fetched");
    let (sandbox, base) = world.sandbox(&mirror).await;
    sandbox.write("new", "x\n".repeat(100_000));
    let head = sandbox.commit("work");
    accept(&mirror, &world.bundle(&sandbox, &base), &base)
        .await
        .expect("good");
    let outcome = mirror
        .push(&head, "topic", &PushExpect::Absent)
        .await
        .expect("pushed");
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(git(&world.remote, &["rev-parse", "topic"]), head.as_str());

    let logged = log.text();
    assert!(logged.contains("fetch"), "the log is captured");
    assert!(!logged.contains(PASSWORD));
    assert!(
        !files_hold(&world.path("mirrors"), PASSWORD),
        "no file holds it"
    );
}

#[tokio::test]
async fn a_look_logs_in_and_waits_no_longer_than_it_was_told() {
    let (world, server) = served(PASSWORD).await;
    let url = server.url("remote.git");
    let found = world.git.reach(&url, Duration::from_secs(60)).await;
    found.expect("the password opens it");
    // It takes connections, as the kernel does for it, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let url = RemoteUrl::parse(&format!("http://127.0.0.1:{port}/remote.git")).expect("a URL");
    let error = world.git.reach(&url, Duration::from_millis(200)).await;
    let error = error.expect_err("the server does not answer");
    assert!(matches!(error, GitError::TimedOut { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_showing_it() {
    let (world, server) = served("wr0ng-passw0rd").await;
    let error = world
        .git
        .mirror(&server.url("remote.git"))
        .await
        .err()
        .expect("refused");
    assert!(
        matches!(error, GitError::AuthenticationFailed { .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), ErrorClass::Repository);
    assert!(!format!("{error} {error:?}").contains("wr0ng-passw0rd"));
}

#[tokio::test]
async fn no_password_for_this_remote_is_told() {
    let (world, server) = served(PASSWORD).await;
    let other = Server::start(world.dir.path(), Some(("bot", PASSWORD))).await;
    let error = world
        .git
        .mirror(&other.url("remote.git"))
        .await
        .err()
        .expect("refused");
    assert!(
        matches!(error, GitError::AuthenticationFailed { .. }),
        "{error:?}"
    );
    let missing = world
        .git
        .mirror(&server.url("missing.git"))
        .await
        .err()
        .expect("not there");
    assert!(
        matches!(missing, GitError::RepositoryNotFound { .. }),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (world, server) = served(PASSWORD).await;
    let error = world
        .git
        .mirror(&server.url("moved/remote.git"))
        .await
        .err()
        .expect("refused");
    assert!(
        matches!(error, GitError::RepositoryNotFound { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_dead_port_is_unreachable() {
    let world = World::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let url = RemoteUrl::parse(&format!("http://127.0.0.1:{port}/x.git")).expect("a URL");
    let error = world.git.mirror(&url).await.err().expect("nobody there");
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn a_fetch_killed_half_way_leaves_nothing_and_can_be_repeated() {
    let (world, server) = served(PASSWORD).await;
    let url = server.url("remote.git");
    server.stall.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let fetch = world.git.mirror(&url);
        tokio::pin!(fetch);
        tokio::select! {
            _ = &mut fetch => panic!("the server does not answer yet"),
            () = server.stalled.notified() => {}
        }
    }
    assert!(matches!(
        world.git.open(&url),
        Err(GitError::NoMirror { .. })
    ));
    server.stall.store(false, Ordering::SeqCst);
    let mirror = world.git.mirror(&url).await.expect("fetched");
    assert_eq!(
        mirror.resolve_branch("main").await.expect("there"),
        world.source.head()
    );
    let left = fs::read_dir(world.path("mirrors/scratch")).expect("there");
    let left: Vec<_> = left
        .map(|e| e.expect("entry").file_name())
        .filter(|n| n != ".lock")
        .collect();
    assert!(left.is_empty(), "{left:?}");

    // The same within a mirror that is there already.
    world.source.write("c", "c");
    let head = world.source.commit("third");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );
    server.stall.store(true, Ordering::SeqCst);
    {
        let fetch = world.git.mirror(&url);
        tokio::pin!(fetch);
        tokio::select! {
            _ = &mut fetch => panic!("the server does not answer yet"),
            () = server.stalled.notified() => {}
        }
    }
    server.stall.store(false, Ordering::SeqCst);
    let mirror = world.git.mirror(&url).await.expect("fetched");
    assert_eq!(mirror.resolve_branch("main").await.expect("there"), head);
    git(&world.mirror_dir(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up() {
    let (probe, server) = served(PASSWORD).await;
    server.stall.store(true, Ordering::SeqCst);
    let mut options = GitOptions::new(probe.path("mirrors"));
    log_in(&mut options, server.port, PASSWORD);
    options.limits.network_wall = Duration::from_millis(1500);
    let git = sortie_git::Git::new(options);
    let error = git
        .mirror(&server.url("remote.git"))
        .await
        .err()
        .expect("too slow");
    assert!(matches!(error, GitError::TimedOut { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn fetches_of_one_remote_take_turns() {
    let (world, server) = served(PASSWORD).await;
    let url = server.url("remote.git");
    let (a, b) = tokio::join!(world.git.mirror(&url), world.git.mirror(&url));
    a.expect("first");
    b.expect("second");
    // The second found everything there.
    assert_eq!(server.fetches.load(Ordering::SeqCst), 1);
}

/// The host's part in the test below, in a process of its own.
#[tokio::test]
#[ignore = "started by a_killed_host_leaves_its_git_alone"]
async fn a_host_to_be_killed() {
    let port: u16 = std::env::var("SORTIE_TEST_PORT")
        .expect("a port")
        .parse()
        .expect("a number");
    let mut options = GitOptions::new(std::env::var("SORTIE_TEST_MIRRORS").expect("a directory"));
    log_in(&mut options, port, PASSWORD);
    let url = RemoteUrl::parse(&format!("http://127.0.0.1:{port}/remote.git")).expect("a URL");
    let _ = sortie_git::Git::new(options).mirror(&url).await;
    panic!("the server does not answer before this process is killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_leaves_its_git_alone() {
    let (world, server) = served(PASSWORD).await;
    let url = server.url("remote.git");
    world.git.mirror(&url).await.expect("fetched");
    world.source.write("c", "c");
    let head = world.source.commit("third");
    git(
        &world.source.path,
        &["push", "-q", world.remote.to_str().expect("text"), "main"],
    );

    server.stall.store(true, Ordering::SeqCst);
    let mut host = tokio::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "http::a_host_to_be_killed", "--ignored"])
        .env("SORTIE_TEST_PORT", server.port.to_string())
        .env("SORTIE_TEST_MIRRORS", world.path("mirrors"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs");
    server.stalled.notified().await;
    host.kill().await.expect("killed");

    // The git of the dead host is still in the mirror; its successor waits.
    let mut options = GitOptions::new(world.path("mirrors"));
    log_in(&mut options, server.port, PASSWORD);
    options.limits.lock_wait = Duration::from_millis(200);
    let impatient = sortie_git::Git::new(options);
    let busy = impatient.mirror(&url).await.err().expect("held");
    assert!(matches!(busy, GitError::Busy { .. }), "{busy:?}");

    server.stall.store(false, Ordering::SeqCst);
    let (mirror, ()) = tokio::join!(world.git.mirror(&url), async {
        server.release.notify_one()
    });
    let mirror = mirror.expect("its turn came");
    assert_eq!(mirror.resolve_branch("main").await.expect("there"), head);
    git(&world.mirror_dir(), &["fsck", "--strict"]);
}

/// Command lines and environments of all processes but this one.
fn processes_that_show(needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")
        .expect("a proc")
        .filter_map(Result::ok)
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|b| b.is_ascii_digit()) || name == std::process::id().to_string() {
            continue;
        }
        for file in ["cmdline", "environ"] {
            // A process may end while it is looked at.
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            if bytes.windows(needle.len()).any(|w| w == needle.as_bytes()) {
                found.push(format!("{name}/{file}"));
            }
        }
    }
    found
}

fn files_hold(dir: &std::path::Path, needle: &str) -> bool {
    fs::read_dir(dir).expect("a directory").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return files_hold(&path, needle);
        }
        let bytes = fs::read(&path).expect("a file");
        bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
    })
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
