//! Reading what a remote, or the program that speaks to it, complained about.
//! Git has one exit code for all of it, so the text decides; `LC_ALL=C` keeps
//! it stable.

use crate::GitError;
use crate::command::{Done, detail, says_something, sentence};
use crate::url::RemoteUrl;

/// Phrases and what they mean, in the order they are tried: a line about the
/// cause stands before git's general advice in this table.
const PHRASES: &[(&str, Cause)] = &[
    ("Host key verification failed", Cause::HostKey),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Cause::HostKey),
    ("No matching host key", Cause::HostKey),
    ("Permission denied (", Cause::Login),
    ("Too many authentication failures", Cause::Login),
    ("UNPROTECTED PRIVATE KEY", Cause::Login),
    ("Authentication failed for", Cause::Login),
    ("could not read Username", Cause::Login),
    ("could not read Password", Cause::Login),
    ("Invalid username or password", Cause::Login),
    ("returned error: 401", Cause::Login),
    ("returned error: 403", Cause::Login),
    ("does not appear to be a git repository", Cause::NotFound),
    ("Repository not found", Cause::NotFound),
    ("repository not found", Cause::NotFound),
    ("' not found", Cause::NotFound),
    ("you were looking for could not be found", Cause::NotFound),
    ("does not exist", Cause::NotFound),
    ("returned error: 404", Cause::NotFound),
    ("returned error: 410", Cause::NotFound),
    ("not valid: is this a git repository", Cause::NotFound),
    ("returned error: 30", Cause::NotFound),
    (
        "unable to update url base from redirection",
        Cause::NotFound,
    ),
    ("detected dubious ownership", Cause::NotFound),
    ("Could not resolve host", Cause::Unreachable),
    ("Name or service not known", Cause::Unreachable),
    ("Temporary failure in name resolution", Cause::Unreachable),
    ("Failed to connect", Cause::Unreachable),
    ("Couldn't connect to server", Cause::Unreachable),
    ("Connection refused", Cause::Unreachable),
    ("Connection reset", Cause::Unreachable),
    ("Connection timed out", Cause::Unreachable),
    ("Connection closed", Cause::Unreachable),
    ("timed out", Cause::Unreachable),
    ("Operation too slow", Cause::Unreachable),
    ("No route to host", Cause::Unreachable),
    ("Network is unreachable", Cause::Unreachable),
    ("the remote end hung up", Cause::Unreachable),
    ("unexpected disconnect", Cause::Unreachable),
    ("early EOF", Cause::Unreachable),
    ("Empty reply from server", Cause::Unreachable),
    ("server certificate verification failed", Cause::Unreachable),
    ("SSL certificate problem", Cause::Unreachable),
    ("returned error: 429", Cause::Unreachable),
    ("returned error: 5", Cause::Unreachable),
    ("RPC failed", Cause::Unreachable),
    (GENERIC, Cause::Unreachable),
];

/// What git says whatever the server said before it.
const GENERIC: &str = "Could not read from remote repository";

#[derive(Clone, Copy)]
enum Cause {
    HostKey,
    Login,
    NotFound,
    Unreachable,
}

/// The error of a network command that failed.
pub(crate) fn remote_error(remote: &RemoteUrl, done: Done) -> GitError {
    if done.is_out_of_space() {
        return done.into_error();
    }
    let known = PHRASES
        .iter()
        .find(|(phrase, _)| done.stderr.contains(phrase));
    let cause = known.map(|(_, cause)| *cause);
    let url = remote.to_string();
    let telling = known.and_then(|(phrase, _)| {
        let of_server = match *phrase == GENERIC {
            true => said_by_server(&done.stderr),
            false => None,
        };
        of_server.or_else(|| done.stderr.lines().find(|line| line.contains(phrase)))
    });
    let detail = telling.map_or_else(|| detail(&done.stderr), sentence);
    match cause {
        Some(Cause::HostKey) => GitError::HostKey { url, detail },
        Some(Cause::Login) => GitError::AuthenticationFailed { url, detail },
        Some(Cause::NotFound) => GitError::RepositoryNotFound { url, detail },
        Some(Cause::Unreachable) => GitError::Unreachable { url, detail },
        None => done.into_error(),
    }
}

/// The line in which the server says what is wrong: an error rather than what
/// stands around it.
fn said_by_server(stderr: &str) -> Option<&str> {
    let said = || {
        let lines = stderr.lines().map(str::trim_start);
        lines.filter(|line| says_something(line))
    };
    let is_error = |line: &&str| {
        let text = line.strip_prefix("remote:").unwrap_or(line);
        text.trim_start().starts_with("ERROR:")
    };
    said()
        .find(is_error)
        .or_else(|| said().find(|line| line.starts_with("remote:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_fault_of_the_remote() {
        let url = RemoteUrl::parse("https://h.org/a").expect("a URL");
        for stderr in [
            "error: unable to write file: No space left on device\nfatal: unpack-objects failed",
            "fatal: write error: No space left on device\nfatal: fetch-pack: early EOF",
        ] {
            let error = remote_error(&url, Done::failed("fetch", stderr));
            assert!(matches!(error, GitError::NoSpace { .. }), "{error:?}");
        }
    }

    #[test]
    fn one_line_says_what_is_wrong() {
        let url = RemoteUrl::parse("https://h.org/shop").expect("a URL");
        let gone = "fatal: '/srv/shop.git' does not appear to be a git repository\n\
                    fatal: Could not read from remote repository.\n\n\
                    Please make sure you have the correct access rights\n\
                    and the repository exists.\n";
        let error = remote_error(&url, Done::failed("fetch", gone)).to_string();
        assert!(
            error.contains(": '/srv/shop.git' does not appear to be a git repository; check"),
            "{error}"
        );
        for (stderr, said) in [
            (
                gone,
                "'/srv/shop.git' does not appear to be a git repository",
            ),
            (
                "remote:\nremote: error: quota exceeded.\nbye\n",
                "quota exceeded",
            ),
            ("warning: slow\nfatal: something new\n", "something new"),
            ("remote: ====\nremote:\nremote: no.\nremote: ====\n", "no"),
            ("one\ntwo.\n----\n", "two"),
            ("one\ntwo.\n\n", "two"),
            (" \n", "it said nothing"),
        ] {
            assert_eq!(detail(stderr), said);
        }
    }

    #[test]
    fn what_the_server_says_in_a_frame_wins_over_what_git_says() {
        let url = RemoteUrl::parse("git@h.org:a").expect("a URL");
        let framed = |said: &str| {
            let stderr = format!(
                "remote: \nremote: ========\nremote: \nremote: {said}\nremote: \n\
                 remote: ========\nremote: \nfatal: Could not read from remote repository.\n\n\
                 Please make sure you have the correct access rights\nand the repository exists.\n"
            );
            remote_error(&url, Done::failed("fetch", &stderr))
        };
        let gone = "The project you were looking for could not be found or you don't have \
            permission to view it";
        match framed(&format!("ERROR: {gone}.")) {
            GitError::RepositoryNotFound { detail, .. } => assert_eq!(detail, gone),
            other => panic!("{other:?}"),
        }
        for said in ["ERROR: We are resting.", "We are resting."] {
            match framed(said) {
                GitError::Unreachable { detail, .. } => assert_eq!(detail, "We are resting"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_cause_wins_over_the_general_advice() {
        let url = RemoteUrl::parse("git@h.org:a").expect("a URL");
        let advice = "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.";
        let error =
            |line: &str| remote_error(&url, Done::failed("fetch", &format!("{line}\n{advice}")));
        assert!(matches!(
            error("git@h.org: Permission denied (publickey)."),
            GitError::AuthenticationFailed { .. }
        ));
        assert!(matches!(
            error("Host key verification failed."),
            GitError::HostKey { .. }
        ));
        assert!(matches!(
            error("ERROR: Repository not found."),
            GitError::RepositoryNotFound { .. }
        ));
        assert!(matches!(
            error("ssh: Could not resolve hostname h.org: Name or service not known"),
            GitError::Unreachable { .. }
        ));
        assert!(matches!(error(""), GitError::Unreachable { .. }));
        let other = remote_error(&url, Done::failed("fetch", "fatal: something new"));
        assert!(matches!(other, GitError::Command { .. }));
    }
}
