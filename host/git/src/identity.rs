//! Which repository a remote is, however its URL is spelled, so that a policy
//! cannot be avoided by another spelling. It says nothing about how to reach
//! the repository, and it is not what mirrors are named by.

use std::fmt;
use std::path::{Path, PathBuf};

/// Hosts of one forge that lead to the same repositories: its web name, and
/// the door for SSH where only port 443 is open.
const OTHER_DOORS: [(&str, &str); 6] = [
    ("www.github.com", "github.com"),
    ("ssh.github.com", "github.com"),
    ("www.gitlab.com", "gitlab.com"),
    ("altssh.gitlab.com", "gitlab.com"),
    ("www.bitbucket.org", "bitbucket.org"),
    ("altssh.bitbucket.org", "bitbucket.org"),
];

/// A repository's identity: two remotes with equal ones are one repository.
///
/// | counts | does not count |
/// |---|---|
/// | the host, a port that is not its transport's own | transport, user name, case and last dot of the host |
/// | the path | a leading `/` or `~/`, a last `/`, `.git`, percent-encoding |
/// | of a local repository the directory git would open | links that lead to it |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryId {
    /// Host and port; none for a directory of this machine.
    place: Option<String>,
    path: String,
}

impl RepositoryId {
    /// Of a repository at a host; the path as a server would see it.
    pub(crate) fn network(host: &str, port: Option<u16>, path: &str) -> Self {
        let door = OTHER_DOORS.iter().find(|(door, _)| *door == host);
        let (host, port) = match door {
            Some((_, forge)) => (*forge, port.filter(|port| *port != 443)),
            None => (host, port),
        };
        let path = path.trim_matches('/');
        let path = path.strip_prefix("~/").unwrap_or(path);
        Self {
            place: Some(match port {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            }),
            path: without_suffix(path).to_owned(),
        }
    }

    /// Of a directory of this machine; looks at the file system.
    pub(crate) fn local(path: &Path) -> Self {
        let path = opened_by_git(path).unwrap_or_else(|| path.to_owned());
        Self {
            place: None,
            path: without_suffix(&path.to_string_lossy()).to_owned(),
        }
    }

    /// The same where upper and lower case of a path at a host are one, as they
    /// are for the large forges. Directories of this machine stay apart.
    #[must_use]
    pub fn without_case(&self) -> Self {
        match &self.place {
            None => self.clone(),
            Some(place) => Self {
                place: Some(place.clone()),
                path: without_suffix(&self.path.to_lowercase()).to_owned(),
            },
        }
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}/{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// The directory that git takes for a path, in the order of its
/// `enter_repo()`, without the links on the way; none when there is nothing.
fn opened_by_git(path: &Path) -> Option<PathBuf> {
    ["/.git", "", ".git/.git", ".git"]
        .into_iter()
        .find_map(|suffix| {
            let mut candidate = path.as_os_str().to_owned();
            candidate.push(suffix);
            std::fs::canonicalize(candidate).ok()
        })
}

/// A path without `.git`, which git adds by itself where it has to.
fn without_suffix(path: &str) -> &str {
    let bare = path.strip_suffix(".git").unwrap_or(path);
    bare.strip_suffix('/').unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use crate::url::RemoteUrl;
    use proptest::prelude::*;

    fn id(text: &str) -> super::RepositoryId {
        RemoteUrl::parse(text)
            .unwrap_or_else(|e| panic!("{text}: {e}"))
            .repository()
    }

    #[test]
    fn one_repository_has_many_spellings() {
        for spellings in [
            &[
                "https://github.com/acme/app",
                "https://GitHub.com/acme/app.git",
                "https://github.com./acme/app/",
                "https://github.com:443/acme/app.git/",
                "https://github.com/%61cme/%61pp%2Egit",
                "https://www.github.com/acme/app",
                "HTTPS://github.com/acme/app",
                "ssh://git@github.com/acme/app",
                "ssh://git@GITHUB.com.:22/acme/app.git",
                "ssh://other@github.com/~/acme/app",
                "ssh://git@ssh.github.com:443/acme/app.git",
                "git@github.com:acme/app",
                "git@GitHub.com:/acme/app.git",
                "github.com:acme/app/",
            ][..],
            &[
                "ssh://git@h.org:2222/a%20b",
                "ssh://H.org:2222/a%20b.git",
                "ssh://h.org.:2222/a b",
            ],
            &["git@h.org:a b", "https://h.org/a%20b"],
            &[
                "https://127.0.0.1:8443/a",
                "https://127.1:8443/a",
                "ssh://0x7f.1:8443/a",
                "http://127.0.0.1:8443/a",
            ],
            &["ssh://[::1]/a", "ssh://[0:0:0::1]:22/a", "https://[::1]/a"],
            &["/nowhere/a", "file:///nowhere//a.git", "/nowhere/a/.git"],
        ] {
            for spelling in spellings {
                assert_eq!(id(spelling), id(spellings[0]), "{spelling}");
            }
        }
    }

    #[test]
    fn different_repositories_stay_apart() {
        let all = [
            "https://h.org/a",
            "https://h.org/b",
            "https://h.org/a/b",
            "https://h.org/a%2Bb",
            "https://h.org/a.gitx",
            "https://h.org/A",
            "https://h.org:8443/a",
            "ssh://h.org:2222/a",
            "ssh://h.org:443/a",
            "https://h.org:22/a",
            "https://sub.h.org/a",
            "ssh://ssh.github.com:2222/a",
            "git@h.org:a%62",
            "/nowhere/a",
            "/nowhere/A",
        ];
        for (i, one) in all.iter().enumerate() {
            for other in &all[i + 1..] {
                assert_ne!(id(one), id(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn case_is_dropped_where_forges_drop_it() {
        let folded = |text| id(text).without_case();
        assert_eq!(
            folded("https://github.com/Acme/App.GIT"),
            folded("git@github.com:acme/app")
        );
        assert_ne!(folded("/nowhere/A"), folded("/nowhere/a"));
        assert_eq!(
            id("https://github.com/Acme/App").to_string(),
            "github.com/Acme/App"
        );
    }

    #[test]
    fn a_local_repository_is_the_directory_that_git_opens() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("bare.git")).unwrap();
        std::fs::create_dir_all(at("work/.git")).unwrap();
        std::fs::create_dir_all(at("both")).unwrap();
        std::fs::create_dir_all(at("both.git")).unwrap();
        std::os::unix::fs::symlink(at("bare.git"), at("link")).unwrap();
        let of = |name: &str| id(at(name).to_str().unwrap());
        assert_eq!(of("bare"), of("bare.git"));
        assert_eq!(of("link"), of("bare.git"));
        assert_eq!(of("work"), of("work/.git"));
        assert_ne!(of("both"), of("work"));
        let url = format!("file://{}/link/", dir.path().display());
        assert_eq!(id(&url), of("bare"));
    }

    /// A spelling of `https://forge.example/GROUP/NAME`, by what may be varied.
    fn spelled(group: &str, name: &str, how: [u8; 6]) -> String {
        let encode = |text: &str| -> String {
            text.bytes()
                .enumerate()
                .map(|(i, byte)| match (how[0] >> (i % 8)) & 1 {
                    1 => format!("%{byte:02x}"),
                    _ => char::from(byte).to_string(),
                })
                .collect()
        };
        let host = ["forge.example", "FORGE.Example", "forge.example."][usize::from(how[1] % 3)];
        let suffix = ["", ".git", "/", ".git/"][usize::from(how[2] % 4)];
        let user = ["", "git@", "someone@"][usize::from(how[3] % 3)];
        let port = |own: &str| match how[4] % 2 {
            0 => String::new(),
            _ => format!(":{own}"),
        };
        let path = format!("{}/{}{suffix}", encode(group), encode(name));
        match how[5] % 3 {
            0 => format!("https://{host}{}/{path}", port("443")),
            1 => format!("ssh://{user}{host}{}/{path}", port("22")),
            _ => format!("{user}{host}:{group}/{name}{suffix}"),
        }
    }

    proptest! {
        #[test]
        fn no_spelling_is_another_repository(
            group in "[a-zA-Z0-9_~][a-zA-Z0-9._~-]{0,8}[a-z0-9]",
            name in "[a-zA-Z0-9_~][a-zA-Z0-9._~-]{0,8}[a-z0-9]",
            how in any::<[u8; 6]>(),
        ) {
            // A name that ends so is the same as one without.
            prop_assume!(!name.ends_with(".git"));
            let plain = id(&format!("https://forge.example/{group}/{name}"));
            let text = spelled(&group, &name, how);
            prop_assert_eq!(id(&text), plain, "{}", text);
        }

        #[test]
        fn what_is_accepted_never_climbs(text in "(https://h|ssh://h|h:|/)?(/|%2[fF]|%5c|\\.|%2[eE]|a|\\\\|~){0,12}") {
            if let Ok(url) = RemoteUrl::parse(&text) {
                let shown = url.repository().to_string();
                let climbs = |part: &str| matches!(part, "." | "..");
                prop_assert!(!shown.split(['/', '\\']).any(climbs), "{} is {}", text, shown);
                // What is shown, and what git is given, is the same repository.
                let again = RemoteUrl::parse(url.for_git()).map(|url| url.repository());
                prop_assert_eq!(again, Ok(url.repository()), "{}", text);
            }
        }
    }
}
