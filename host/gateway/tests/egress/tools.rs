//! The real tools through the proxy, told of it by their environment alone, to
//! servers of this test. A tool that is not installed is left out.

use crate::rig::{Rig, Server};
use sortie_gateway::egress::Outcome;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// The host that every server of this test has for the tools.
const HOST: &str = "plain.example";

#[expect(
    clippy::disallowed_methods,
    reason = "the tools themselves are what is tested"
)]
fn command(program: &str) -> Command {
    Command::new(program)
}

fn is_there(program: &str) -> bool {
    let asked = command(program).arg("--version").output();
    asked.is_ok_and(|output| output.status.success())
}

/// A tool in a directory of its own, which knows the proxy and nothing of this
/// machine's configuration.
async fn tool(dir: &Path, proxy: SocketAddr, env: &[(&str, String)], line: &[&str]) -> Output {
    let mut command = command(line[0]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .args(&line[1..])
        .current_dir(dir)
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env(name, format!("http://{proxy}"));
    }
    for (name, value) in env {
        command.env(name, value);
    }
    let ran = tokio::task::spawn_blocking(move || command.output());
    ran.await.expect("it does not panic").expect("it starts")
}

fn said(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Python's own web server over a directory, and a proxy that lets to it.
struct Files {
    dir: TempDir,
    rig: Rig,
    proxy: SocketAddr,
    port: u16,
    _server: tokio::process::Child,
}

impl Files {
    async fn serve() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("www")).expect("a directory");
        let mut python = command("python3");
        python
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"])
            .current_dir(dir.path().join("www"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = tokio::process::Command::from(python)
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let stdout = server.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next_line().await.expect("it speaks").expect("a line");
        // `Serving HTTP on 127.0.0.1 port 40001 (http://127.0.0.1:40001/) ...`
        let port = line.split_whitespace().nth(5).expect("a port");
        let port: u16 = port.parse().expect("a number");
        let rig = Rig::new(&format!(
            "{{ host = \"{HOST}\", ports = [{port}], allow_private = true }}"
        ));
        rig.names.set(HOST, &[&["127.0.0.1"]]);
        let proxy = rig.listen().await;
        Self {
            dir,
            rig,
            proxy,
            port,
            _server: server,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}/{path}", self.port)
    }

    fn www(&self, path: &str) -> PathBuf {
        let path = self.dir.path().join("www").join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        path
    }

    /// A fresh directory.
    fn at(&self, name: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        dir
    }

    async fn shell(&self, dir: &Path, script: &str) {
        let output = tool(dir, self.proxy, &[], &["sh", "-euc", script]).await;
        assert!(output.status.success(), "{script}: {}", said(&output));
    }

    /// That everything went through the proxy, to the one host.
    async fn went_through(&self) {
        let mut row = self.rig.owner.row().await;
        loop {
            assert_eq!((row.host.as_str(), row.port), (HOST, self.port), "{row:?}");
            assert_eq!(row.outcome, Outcome::Closed, "{row:?}");
            match self.rig.owner.rows_left() {
                0 => return,
                _ => row = self.rig.owner.row().await,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_fetches_what_is_allowed_and_is_told_what_is_not() {
    let files = Files::serve().await;
    std::fs::write(files.www("hello.txt"), "hello\n").expect("writable");
    let dir = files.at("curl");
    let get = files.url("hello.txt");
    let output = tool(&dir, files.proxy, &[], &["curl", "-sSf", &get]).await;
    assert_eq!(output.stdout, b"hello\n", "{}", said(&output));
    files.went_through().await;
    let evil = format!("http://evil.example:{}/", files.port);
    let output = tool(&dir, files.proxy, &[], &["curl", "-sS", &evil]).await;
    assert!(
        said(&output).contains("not on this run's allow-list"),
        "{}",
        said(&output)
    );
    let output = tool(
        &dir,
        files.proxy,
        &[],
        &["curl", "-sS", "https://evil.example/"],
    )
    .await;
    assert!(
        !output.status.success() && said(&output).contains("403"),
        "{}",
        said(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_speaks_tls_through_a_tunnel_to_the_very_host() {
    let made = rcgen::generate_simple_self_signed(vec!["secure.example".to_owned()]);
    let made = made.expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.expect("a key"))
        .expect("a configuration");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Server::start("127.0.0.1", move |io| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut io) = acceptor.accept(io).await else {
                return;
            };
            let mut head = [0; 4096];
            let _ = io.read(&mut head).await;
            let answer =
                b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nsecret\n";
            let _ = io.write_all(answer).await;
            let _ = io.shutdown().await;
        }
    })
    .await;
    let port = server.port();
    let rig = Rig::new(&format!(
        "{{ host = \"secure.example\", ports = [{port}], allow_private = true }}"
    ));
    rig.names.set("secure.example", &[&["127.0.0.1"]]);
    let proxy = rig.listen().await;
    let dir = tempfile::tempdir().expect("a directory");
    let pem = dir.path().join("ca.pem");
    std::fs::write(&pem, made.cert.pem()).expect("writable");
    let pem = pem.display().to_string();
    let url = format!("https://secure.example:{port}/");
    let output = tool(
        dir.path(),
        proxy,
        &[],
        &["curl", "-sSf", "--cacert", &pem, &url],
    )
    .await;
    assert_eq!(output.stdout, b"secret\n", "{}", said(&output));
    assert_eq!(rig.owner.row().await.outcome, Outcome::Closed);
    // The tunnel is for one host, the handshake for another.
    let other = format!("https://other.example:{port}/");
    let to = format!("other.example:{port}:secure.example:{port}");
    let line = ["curl", "-sSk", "--proxytunnel", "--connect-to", &to, &other];
    let output = tool(dir.path(), proxy, &[], &line).await;
    assert!(!output.status.success(), "{}", said(&output));
    let row = rig.owner.row().await;
    assert_eq!(
        (row.outcome, row.reason),
        (Outcome::Refused, Some("other-name")),
        "{row:?}"
    );
    assert_eq!(
        row.detail.as_deref(),
        Some("the handshake names other.example")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn git_clones() {
    let files = Files::serve().await;
    let dir = files.at("git");
    files
        .shell(
            &dir,
            "git init -q made && cd made && git config user.name a && git config user.email a@b.c \
             && echo hi > file && git add file && git commit -qm one \
             && git clone -q --bare . ../../www/repo.git && cd ../../www/repo.git && git update-server-info",
        )
        .await;
    let url = files.url("repo.git");
    let output = tool(
        &dir,
        files.proxy,
        &[],
        &["git", "clone", "-q", &url, "cloned"],
    )
    .await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(
        std::fs::read_to_string(dir.join("cloned/file")).expect("it is there"),
        "hi\n"
    );
    files.went_through().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_installs() {
    if !is_there("pip3") {
        return;
    }
    let files = Files::serve().await;
    let dir = files.at("pip");
    let index = files.www("simple/demo/index.html");
    let wheel = "demo-1.0-py3-none-any.whl";
    std::fs::write(&index, format!("<a href=\"{wheel}\">{wheel}</a>")).expect("writable");
    let wheel = files
        .www(&format!("simple/demo/{wheel}"))
        .display()
        .to_string();
    let script = format!(
        "python3 -c 'import zipfile; z = zipfile.ZipFile(\"{wheel}\", \"w\"); \
         z.writestr(\"demo.py\", \"x = 1\"); \
         z.writestr(\"demo-1.0.dist-info/METADATA\", \"Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n\"); \
         z.writestr(\"demo-1.0.dist-info/WHEEL\", \"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n\"); \
         z.writestr(\"demo-1.0.dist-info/RECORD\", \"\"); z.close()'"
    );
    files.shell(&dir, &script).await;
    let env = [
        ("PIP_INDEX_URL", files.url("simple/")),
        ("PIP_TRUSTED_HOST", format!("{HOST}:{}", files.port)),
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1".to_owned()),
    ];
    let line = ["pip3", "install", "-q", "--target", "here", "demo"];
    let output = tool(&dir, files.proxy, &env, &line).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(dir.join("here/demo.py").exists());
    files.went_through().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs() {
    if !is_there("npm") {
        return;
    }
    let files = Files::serve().await;
    let dir = files.at("npm");
    files
        .shell(
            &dir,
            "mkdir package && echo 'module.exports = 1' > package/index.js \
             && echo '{\"name\":\"demo\",\"version\":\"1.0.0\"}' > package/package.json \
             && mkdir -p ../www/t && tar czf ../www/t/demo-1.0.0.tgz package && rm -r package \
             && echo '{\"name\":\"mine\",\"version\":\"1.0.0\"}' > package.json",
        )
        .await;
    let tarball = files.url("t/demo-1.0.0.tgz");
    let about = serde_json::json!({
        "name": "demo",
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": { "name": "demo", "version": "1.0.0", "dist": { "tarball": tarball } } },
    });
    std::fs::write(files.www("demo"), about.to_string()).expect("writable");
    let env = [
        ("npm_config_registry", files.url("")),
        ("npm_config_update_notifier", "false".to_owned()),
    ];
    let line = ["npm", "install", "--no-audit", "--no-fund", "demo"];
    let output = tool(&dir, files.proxy, &env, &line).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(dir.join("node_modules/demo/index.js").exists());
    files.went_through().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_fetches() {
    if !is_there("cargo") {
        return;
    }
    let files = Files::serve().await;
    let dir = files.at("cargo");
    files
        .shell(
            &dir,
            "mkdir -p demo-1.0.0/src && touch demo-1.0.0/src/lib.rs \
             && printf '[package]\\nname = \"demo\"\\nversion = \"1.0.0\"\\nedition = \"2021\"\\n' > demo-1.0.0/Cargo.toml \
             && mkdir -p ../www/dl ../www/index/de/mo && tar czf ../www/dl/demo.crate demo-1.0.0 \
             && sum=$(sha256sum ../www/dl/demo.crate | cut -d' ' -f1) && rm -r demo-1.0.0 \
             && printf '{\"name\":\"demo\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"%s\",\"features\":{},\"yanked\":false}\\n' $sum > ../www/index/de/mo/demo \
             && mkdir src .cargo && touch src/lib.rs \
             && printf '[package]\\nname = \"mine\"\\nversion = \"1.0.0\"\\nedition = \"2021\"\\n[dependencies]\\ndemo = \"1\"\\n' > Cargo.toml",
        )
        .await;
    let dl = files.url("dl/{crate}.crate");
    std::fs::write(
        files.www("index/config.json"),
        format!("{{\"dl\": \"{dl}\"}}"),
    )
    .expect("writable");
    let source = format!(
        "[source.crates-io]\nreplace-with = \"near\"\n[source.near]\nregistry = \"sparse+{}\"\n",
        files.url("index/")
    );
    std::fs::write(dir.join(".cargo/config.toml"), source).expect("writable");
    let mut env = vec![("CARGO_HOME", dir.join("home").display().to_string())];
    // Where rustup has its toolchains is not the tool's configuration.
    env.extend(
        std::env::var("RUSTUP_HOME")
            .ok()
            .map(|home| ("RUSTUP_HOME", home)),
    );
    if let (Err(_), Ok(home)) = (std::env::var("RUSTUP_HOME"), std::env::var("HOME")) {
        env.push(("RUSTUP_HOME", format!("{home}/.rustup")));
    }
    let output = tool(&dir, files.proxy, &env, &["cargo", "fetch", "-q"]).await;
    assert!(output.status.success(), "{}", said(&output));
    files.went_through().await;
}
