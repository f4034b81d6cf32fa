//! Detection on machines made for the test, with made-up names.

use super::*;
use std::path::Path;
use tempfile::TempDir;

/// A credential that must be found nowhere.
const CANARY: &str = "c4n4ry-s3cret";

struct Made {
    dir: TempDir,
    machine: Machine,
}

impl Made {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let machine = Machine {
            env: BTreeMap::new(),
            home: Some(dir.path().join("home")),
            root: dir.path().join("root"),
        };
        Self { dir, machine }
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.machine.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A file under `home/` or `root/`.
    fn file(self, path: &str, text: &str) -> Self {
        let path = self.dir.path().join(path);
        let dir = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(dir).expect("a directory");
        std::fs::write(path, text).expect("writable");
        self
    }

    fn detect(&self, preset: Preset) -> Detected {
        detect(&self.machine, &[preset])
    }
}

fn hosts(detected: &Detected) -> Vec<String> {
    let rule = |mirror: &Mirror| format!("{}:{:?}", mirror.rule.host, mirror.rule.ports);
    detected.mirrors.iter().map(rule).collect()
}

fn env(detected: &Detected) -> BTreeMap<String, String> {
    detected.env_of(|_| true)
}

fn files(detected: &Detected) -> BTreeMap<String, String> {
    detected.files_of(|_| true)
}

#[test]
fn every_preset_has_its_data_and_every_table_a_preset() {
    let names: Vec<&str> = PUBLIC.keys().map(String::as_str).collect();
    let mut known = Preset::ALL.map(Preset::as_str);
    known.sort_unstable();
    assert_eq!(names, known);
    for preset in Preset::ALL {
        let rules = preset.rules();
        assert!(!rules.is_empty(), "{preset}");
        let closed = |rule: &EgressRule| rule.tls && !rule.allow_private;
        assert!(rules.iter().all(closed), "{preset}");
    }
}

#[test]
fn a_machine_without_configuration_has_no_mirrors() {
    let found = detect(&Made::new().machine, &Preset::ALL);
    assert!(
        found.mirrors.is_empty() && env(&found).is_empty(),
        "{found:?}"
    );
    // But for the proxy that Maven and Gradle know no variable for.
    let paths: Vec<String> = files(&found).into_keys().collect();
    assert_eq!(
        paths,
        [
            "/work/home/.gradle/gradle.properties",
            "/work/home/.m2/settings.xml"
        ]
    );
    assert!(files(&found)[&paths[0]].contains("systemProp.https.proxyPort=3128"));
}

#[test]
fn pip_is_read_from_variables_and_files() {
    let made = Made::new()
        .var("PIP_INDEX_URL", "https://pypi.mirror.example/simple")
        .file(
            "home/.config/pip/pip.conf",
            "[global]\nindex-url = https://ignored.example/simple\n\
             extra-index-url =\n    https://extra.example:8443/simple\n    https://more.example/s\n",
        )
        .file("home/.config/uv/uv.toml", "[[index]]\nurl = \"https://uv.example/simple\"\n");
    let found = made.detect(Preset::Pip);
    assert_eq!(
        hosts(&found),
        [
            "pypi.mirror.example:[443]",
            "extra.example:[8443]",
            "more.example:[443]",
            "uv.example:[443]"
        ]
    );
    assert!(found.mirrors.iter().all(|mirror| mirror.rule.allow_private));
    let env = env(&found);
    assert_eq!(env["PIP_INDEX_URL"], "https://pypi.mirror.example/simple");
    assert_eq!(
        env["UV_DEFAULT_INDEX"],
        "https://pypi.mirror.example/simple"
    );
    assert_eq!(
        env["PIP_EXTRA_INDEX_URL"],
        "https://extra.example:8443/simple https://more.example/s https://uv.example/simple"
    );
}

#[test]
fn npm_is_read_without_its_tokens() {
    let made = Made::new().file(
        "home/.npmrc",
        &format!(
            "; a comment\nregistry=https://npm.mirror.example/npm/\n\
             //npm.mirror.example/npm/:_authToken={CANARY}\n\
             @acme:registry = \"https://acme.example/npm/\"\n_password={CANARY}\n"
        ),
    );
    let found = made.detect(Preset::Npm);
    assert_eq!(
        hosts(&found),
        ["npm.mirror.example:[443]", "acme.example:[443]"]
    );
    assert_eq!(
        env(&found)["npm_config_registry"],
        "https://npm.mirror.example/npm/"
    );
    assert_eq!(
        files(&found)["/work/home/.npmrc"],
        "@acme:registry=https://acme.example/npm/\n"
    );
    assert!(!format!("{found:?}").contains(CANARY));
}

#[test]
fn cargo_is_told_in_a_file() {
    let made = Made::new().file(
        "home/.cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"near\"\n\
         [source.near]\nregistry = \"sparse+https://cargo.mirror.example/index/\"\n\
         [registries.acme]\nindex = \"sparse+https://acme.example/index/\"\ntoken = \"c4n4ry-s3cret\"\n\
         [build]\njobs = 2\n[env]\nSECRET = \"c4n4ry-s3cret\"\n",
    );
    let found = made.detect(Preset::Cargo);
    assert_eq!(
        hosts(&found),
        ["cargo.mirror.example:[443]", "acme.example:[443]"]
    );
    let file = &files(&found)["/work/.cargo/config.toml"];
    let table: toml::Table = file.parse().expect("it is TOML");
    assert_eq!(
        table["source"]["crates-io"]["replace-with"].as_str(),
        Some("near")
    );
    assert_eq!(
        table["source"]["near"]["registry"].as_str(),
        Some("sparse+https://cargo.mirror.example/index/")
    );
    assert_eq!(
        table["registries"]["acme"]["index"].as_str(),
        Some("sparse+https://acme.example/index/")
    );
    assert_eq!(table.len(), 2);
    assert!(!format!("{found:?}").contains(CANARY));
}

#[test]
fn a_source_that_is_a_directory_of_this_machine_is_not_passed_on() {
    let made = Made::new().file(
        "home/.cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"/srv/v\"\n",
    );
    let found = made.detect(Preset::Cargo);
    assert!(
        found.mirrors.is_empty() && files(&found).is_empty(),
        "{found:?}"
    );
    // Nor one whose end is a registry that stays here.
    for (index, is_passed_on) in [
        ("sparse+https://acme.example/index/", true),
        (
            "sparse+https://user:c4n4ry-s3cret@acme.example/index/",
            false,
        ),
    ] {
        let made = Made::new().file(
            "home/.cargo/config.toml",
            &format!(
                "[source.crates-io]\nreplace-with = \"acme\"\n[registries.acme]\nindex = \"{index}\"\n"
            ),
        );
        let files = files(&made.detect(Preset::Cargo));
        let is_replaced = files
            .get("/work/.cargo/config.toml")
            .is_some_and(|file| file.contains("replace-with"));
        assert_eq!(is_replaced, is_passed_on, "{index}: {files:?}");
    }
    // Nor does a circle of them keep anybody busy.
    let made = Made::new().file(
        "home/.cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"a\"\n[source.a]\nreplace-with = \"crates-io\"\n",
    );
    assert!(files(&made.detect(Preset::Cargo)).is_empty());
}

#[test]
fn go_is_read_from_its_own_file() {
    let made = Made::new()
        .file(
            "home/.config/go/env",
            "GOPROXY=https://go.mirror.example/mod,https://second.example,direct\n\
             GOSUMDB=sum.example+key https://go.mirror.example/sum\nGOPRIVATE=acme.example/*\n",
        )
        .var("GONOSUMDB", "acme.example");
    let found = made.detect(Preset::Go);
    assert_eq!(
        hosts(&found),
        ["go.mirror.example:[443]", "second.example:[443]"]
    );
    let env = env(&found);
    assert_eq!(
        env["GOPROXY"],
        "https://go.mirror.example/mod,https://second.example,direct"
    );
    assert_eq!(
        env["GOSUMDB"],
        "sum.example+key https://go.mirror.example/sum"
    );
    assert_eq!(env["GONOSUMDB"], "acme.example");
    assert!(!env.contains_key("GOPRIVATE"));
}

#[test]
fn maven_s_mirrors_go_along_and_its_passwords_stay() {
    let made = Made::new().file(
        "home/.m2/settings.xml",
        &format!(
            "<settings xmlns=\"http://maven.apache.org/SETTINGS/1.0.0\"><servers><server><id>m</id>\
             <password>{CANARY}</password></server></servers><mirrors><mirror><id>m</id>\
             <mirrorOf>*</mirrorOf><url>https://maven.mirror.example/repo?a&amp;b</url></mirror>\
             <mirror><id>n</id><mirrorOf>central</mirrorOf><url>http://plain.example:8081/m2</url>\
             </mirror></mirrors></settings>"
        ),
    );
    let found = made.detect(Preset::Maven);
    assert_eq!(
        hosts(&found),
        ["maven.mirror.example:[443]", "plain.example:[8081]"]
    );
    let settings = &files(&found)["/work/home/.m2/settings.xml"];
    assert!(
        settings.contains("<url>http://plain.example:8081/m2</url>"),
        "{settings}"
    );
    assert!(
        settings.contains("<host>127.0.0.1</host><port>3128</port>"),
        "{settings}"
    );
    // A query may be a token.
    assert!(!settings.contains("maven.mirror.example"), "{settings}");
    assert!(!format!("{found:?}").contains(CANARY));
    assert!(roxmltree::Document::parse(settings).is_ok());
}

#[test]
fn apt_is_read_in_both_formats() {
    let made = Made::new()
        .file(
            "root/etc/apt/sources.list",
            "# deb https://old.example/ x main\ndeb [arch=amd64] http://deb.mirror.example/debian stable main\n",
        )
        .file(
            "root/etc/apt/sources.list.d/more.sources",
            "Types: deb\nURIs: https://one.example/d https://two.example:8443/d\nSuites: stable\n",
        )
        .file("root/etc/apt/sources.list.d/not.bak", "deb https://bak.example/ x main\n");
    let found = made.detect(Preset::Apt);
    assert_eq!(
        hosts(&found),
        [
            "deb.mirror.example:[80]",
            "one.example:[443]",
            "two.example:[8443]"
        ]
    );
    assert!(env(&found).is_empty() && files(&found).is_empty());
}

#[test]
fn an_address_with_a_credential_opens_its_host_and_is_passed_on_to_nobody() {
    let with = |host: &str| format!("https://user:{CANARY}@{host}.example/x");
    let made = Made::new()
        .var("PIP_INDEX_URL", &with("pip"))
        .var("npm_config_registry", &with("npm"))
        .var("GOPROXY", &format!("{},direct", with("go")))
        .var("CARGO_REGISTRIES_ACME_INDEX", &format!("sparse+{}", with("acme")))
        .file(
            "home/.cargo/config.toml",
            &format!(
                "[source.crates-io]\nreplace-with = \"m\"\n[source.m]\nregistry = \"sparse+{}\"\n",
                with("cargo")
            ),
        )
        .file(
            "home/.m2/settings.xml",
            &format!(
                "<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf><url>{}</url></mirror></mirrors></settings>",
                with("maven")
            ),
        )
        .file("root/etc/apt/sources.list", &format!("deb {} stable main\n", with("apt")));
    let found = detect(&made.machine, &Preset::ALL);
    assert_eq!(found.mirrors.len(), 7, "{:?}", hosts(&found));
    assert_eq!(found.withheld.len(), 7, "{:?}", found.withheld);
    assert!(env(&found).is_empty(), "{:?}", env(&found));
    assert!(!format!("{found:?}").contains(CANARY));
    // Go puts a scheme before an entry that has none.
    for entry in [
        "user:{}@go.example/mod",
        "https:/{}@go.example",
        "{}@go.example:8443",
    ] {
        let proxies = format!("direct,{}|off", entry.replace("{}", CANARY));
        let found = Made::new().var("GOPROXY", &proxies).detect(Preset::Go);
        assert_eq!(found.mirrors.len(), 1, "{entry}");
        assert!(env(&found).is_empty(), "{entry}: {:?}", env(&found));
        assert!(!format!("{found:?}").contains(CANARY), "{entry}");
    }
}

#[test]
fn a_token_in_a_path_or_behind_it_is_a_credential_too() {
    let token = format!("{CANARY}-{CANARY}");
    for secret in [
        format!("https://dl.example/{token}/acme/python/simple/"),
        format!("https://dl.example/basic/{token}"),
        format!("https://dl.example/simple#{CANARY}"),
    ] {
        let found = Made::new()
            .var("PIP_INDEX_URL", &secret)
            .detect(Preset::Pip);
        assert_eq!(hosts(&found), ["dl.example:[443]"], "{secret}");
        assert_eq!(found.withheld, ["PIP_INDEX_URL"], "{secret}");
        assert!(env(&found).is_empty(), "{secret}");
        assert!(!format!("{found:?}").contains(CANARY), "{secret}");
    }
    // Words of a path, and short ones with a number, are none.
    let plain = "https://dl.example/artifactory-production/api/pypi/pypi-2024/simple";
    let found = Made::new().var("PIP_INDEX_URL", plain).detect(Preset::Pip);
    assert_eq!(env(&found)["PIP_INDEX_URL"], plain);
}

#[test]
fn a_mirror_at_this_machine_is_neither_opened_nor_passed_on() {
    for host in [
        "127.0.0.1:3141",
        "localhost:3141",
        "LOCALHOST.",
        "pypi.localhost",
        "[::1]:3141",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
    ] {
        let made = Made::new()
            .var("PIP_INDEX_URL", &format!("http://{host}/simple"))
            .var("GOPROXY", host)
            .file(
                "root/etc/apt/sources.list",
                &format!("deb http://{host}/d stable main\n"),
            );
        let found = detect(&made.machine, &[Preset::Pip, Preset::Go, Preset::Apt]);
        assert_eq!(found, Detected::default(), "{host}");
    }
}

#[test]
fn a_machine_that_is_not_looked_at_still_has_what_sandboxes_need() {
    let found = detect(&Machine::bare(), &Preset::ALL);
    assert!(
        found.mirrors.is_empty() && env(&found).is_empty(),
        "{found:?}"
    );
    let paths: Vec<String> = files(&found).into_keys().collect();
    assert_eq!(
        paths,
        [
            "/work/home/.gradle/gradle.properties",
            "/work/home/.m2/settings.xml"
        ]
    );
}

#[test]
fn what_cannot_be_read_is_passed_over() {
    let made = Made::new()
        .file("home/.cargo/config.toml", "not [ toml")
        .file("home/.m2/settings.xml", "<settings>")
        .file("home/.config/pip/pip.conf", "\u{0}\u{1}[[[")
        .file("home/.npmrc", &"x".repeat(300 * 1024))
        .var("GOPROXY", "off")
        .var("PIP_INDEX_URL", "file:///srv/wheels")
        .var("npm_config_registry", "https://")
        .var("HOME", "/nonexistent");
    let found = detect(&made.machine, &Preset::ALL);
    assert!(found.mirrors.is_empty(), "{:?}", hosts(&found));
}

#[test]
fn a_policy_holds_what_its_presets_and_their_mirrors_need() {
    let made = Made::new()
        .var("PIP_INDEX_URL", "https://pypi.mirror.example/simple")
        .var("npm_config_registry", "https://npm.mirror.example/");
    let found = detect(&made.machine, &Preset::ALL);
    let own = EgressRule::https("own.example".parse().expect("a pattern"));
    let policy = policy(&[Preset::Pip], &found, &[own], EgressLimits::default());
    let hosts: Vec<String> = policy
        .rules
        .iter()
        .map(|rule| rule.host.to_string())
        .collect();
    assert_eq!(
        hosts,
        [
            "own.example",
            "pypi.mirror.example",
            "pypi.org",
            "files.pythonhosted.org"
        ]
    );
    assert!(policy.env.contains_key("PIP_INDEX_URL"));
    assert!(!policy.env.contains_key("npm_config_registry"));
    assert!(policy.files.is_empty());
}
