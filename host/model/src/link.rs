//! Links to what a job published, for the hosts whose pages are known.

use std::fmt::Write;
use url::Url;

/// The page that compares `branch` with `base`, if the repository's host is one
/// whose pages are known. Knows `https:` and `ssh:` addresses and the short form
/// `git@host:owner/name.git`.
///
/// ```
/// use sortie_model::link::compare;
/// let page = compare("https://github.com/ann/shop.git", "main", "sortie/job-42");
/// assert_eq!(page.unwrap(), "https://github.com/ann/shop/compare/main...sortie/job-42");
/// ```
pub fn compare(repository: &str, base: &str, branch: &str) -> Option<String> {
    let (host, path) = place(repository)?;
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    if path.split('/').count() < 2 || path.split('/').any(str::is_empty) {
        return None;
    }
    let word = match host.as_str() {
        "github.com" | "codeberg.org" => "compare",
        "gitlab.com" => "-/compare",
        _ => return None,
    };
    let (base, branch) = (encoded(base), encoded(branch));
    Some(format!("https://{host}/{path}/{word}/{base}...{branch}"))
}

/// The host in lower case, and the path.
fn place(repository: &str) -> Option<(String, String)> {
    if let Ok(url) = Url::parse(repository)
        && let Some(host) = url.host_str()
    {
        let known = matches!(url.scheme(), "https" | "http" | "ssh" | "git");
        return known.then(|| (host.to_ascii_lowercase(), url.path().to_owned()));
    }
    // `user@host:path`, as ssh takes it.
    let (host, path) = repository.split_once(':')?;
    let host = host.rsplit('@').next()?;
    (!host.contains('/')).then(|| (host.to_ascii_lowercase(), path.to_owned()))
}

/// The name of a branch in a path: slashes stay, all that has a meaning in an
/// address does not.
fn encoded(branch: &str) -> String {
    let mut text = String::with_capacity(branch.len());
    for byte in branch.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn known_hosts_have_a_page() {
        for (repository, page) in [
            (
                "https://github.com/a/b.git",
                Some("https://github.com/a/b/compare/main...x"),
            ),
            (
                "git@github.com:a/b.git",
                Some("https://github.com/a/b/compare/main...x"),
            ),
            (
                "ssh://git@GitLab.com/a/group/b.git",
                Some("https://gitlab.com/a/group/b/-/compare/main...x"),
            ),
            (
                "https://codeberg.org/a/b",
                Some("https://codeberg.org/a/b/compare/main...x"),
            ),
            ("https://example.com/a/b.git", None),
            ("https://github.com.example.com/a/b", None),
            ("https://github.com/a", None),
            ("file:///srv/a/b.git", None),
            ("/srv/a/b.git", None),
        ] {
            assert_eq!(compare(repository, "main", "x").as_deref(), page);
        }
    }

    #[test]
    fn a_branch_cannot_leave_its_place() {
        let page = compare("https://github.com/a/b", "main", "x?y#z é\"<").unwrap();
        assert_eq!(
            page,
            "https://github.com/a/b/compare/main...x%3Fy%23z%20%C3%A9%22%3C"
        );
    }
}
