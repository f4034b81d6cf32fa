//! Failures that no change to the repository mends: the machine, the image or
//! the way out is not as the command needs it.
//!
//! A hint from words that the sandbox printed. To be told wrongly that the
//! machine is at fault costs a person a look; a repair of what is not broken
//! costs money and a wrong change.

/// How a command ended that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It took longer than it may.
    TimedOut,
    /// The kernel ended it for want of memory.
    OutOfMemory,
    /// The host stopped it; why, in words.
    Stopped(String),
}

impl Ended {
    /// What tells one ending from another in a fingerprint.
    pub(super) fn kind(&self) -> &'static [u8] {
        match self {
            Self::Code(_) => b"code\n",
            Self::Signal(_) => b"signal\n",
            Self::TimedOut => b"timed-out\n",
            Self::OutOfMemory => b"oom\n",
            Self::Stopped(_) => b"stopped\n",
        }
    }
}

/// How far from its end an output is searched: what stopped a command is among
/// the last things it says.
const LAST_LINES: usize = 300;
/// The longest quote in a reason, in characters.
const QUOTED_CHARS: usize = 160;
/// Lines that are the change's own fault: what Maven calls the place of a
/// repository that a pom names by plain HTTP, and what registries answer for
/// what they do not have or do not show.
const OWN_FAULTS: [&str; 4] = [
    "maven-default-http-blocker",
    "status code: 401",
    "status code 401",
    "401 Unauthorized",
];

/// Words and what they mean, searched in this order.
const SIGNS: [(&str, &[&str]); 8] = [
    (
        "an address is in use",
        &[
            "EADDRINUSE",
            "Address already in use",
            "address already in use",
        ],
    ),
    (
        "the disk of the sandbox is full",
        &["No space left on device", "ENOSPC", "Disk quota exceeded"],
    ),
    (
        "the sandbox has too little memory",
        &[
            "Cannot allocate memory",
            "JavaScript heap out of memory",
            "java.lang.OutOfMemoryError",
            "signal: 9, SIGKILL: kill",
        ],
    ),
    (
        "a browser could not be started",
        &[
            "Failed to launch the browser process",
            "browserType.launch",
            "Executable doesn't exist at",
            "playwright install",
            "chrome not reachable",
            "DevToolsActivePort file doesn't exist",
            "cannot find Chrome binary",
        ],
    ),
    (
        "the way out of the sandbox was refused",
        &[
            "Tunnel connection failed: 403",
            "CONNECT tunnel failed, response 403",
            "Received HTTP code 403 from proxy",
            "ProxyError(",
            "proxyconnect tcp",
            "EAI_AGAIN",
            "getaddrinfo ENOTFOUND",
            "Temporary failure in name resolution",
            "Could not resolve host",
            "Name or service not known",
            "Network is unreachable",
            "ENETUNREACH",
            "tunneling socket could not be established",
            "Unable to tunnel through proxy",
            "Exception in thread \"main\" java.net.UnknownHostException: ",
        ],
    ),
    (
        "what the build needs could not be downloaded",
        &[
            "Could not transfer artifact",
            "> Could not GET '",
            "> Could not HEAD '",
        ],
    ),
    (
        "no JDK for the build is in the image",
        &[
            "No compiler is provided in this environment",
            "Cannot find System Java Compiler",
            "JAVA_HOME is not set and no 'java' command could be found",
            "JAVA_HOME is set to an invalid directory",
            "The JAVA_HOME environment variable is not defined correctly",
        ],
    ),
    (
        "the engine's own limit on processes or files is reached",
        &[
            "Resource temporarily unavailable",
            "Too many open files",
            "EMFILE",
        ],
    ),
];

/// Why the change is not to blame; none as far as the output tells.
pub(super) fn reason(ended: &Ended, lines: &[&str]) -> Option<String> {
    if *ended == Ended::OutOfMemory {
        return Some("the sandbox ran out of memory".to_owned());
    }
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    if let Some(missing) = last.iter().rev().find_map(|line| missing(line)) {
        return Some(missing);
    }
    // A shell says it with its status also where it names the program in words
    // of another language.
    if *ended == Ended::Code(127) {
        return Some("a program that the command needs is not in the image".to_owned());
    }
    SIGNS.iter().find_map(|(reason, words)| {
        let own_fault = |line: &str| OWN_FAULTS.iter().any(|fault| line.contains(fault));
        let mut lines = last.iter().rev().filter(|line| !own_fault(line));
        let quote = lines.find_map(|line| {
            let line = line.trim();
            let at = words.iter().find_map(|word| line.find(word))?;
            Some(quoted_from(line, at))
        })?;
        Some(format!("{reason}: {quote}"))
    })
}

/// A program, or a part of one, that is not in the image.
fn missing(line: &str) -> Option<String> {
    let line = line.trim();
    let program = |name: &str| {
        let name = name
            .rsplit([':', ' '])
            .next()
            .unwrap_or(name)
            .trim_matches(['`', '\'', '"']);
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'/');
        (!name.is_empty() && name.bytes().all(plain))
            .then(|| format!("the program `{name}` is not in the image"))
    };
    // `sh: 1: cargo: not found`, `bash: line 1: cargo: command not found`,
    // `/bin/sh: cargo: not found`, `env: 'node': No such file or directory`.
    let is_shell = [
        "sh:",
        "bash:",
        "/bin/sh:",
        "/bin/bash:",
        "/usr/bin/sh:",
        "dash:",
        "zsh:",
    ]
    .iter()
    .any(|shell| line.starts_with(shell));
    if is_shell {
        let name = line
            .strip_suffix(": command not found")
            .or_else(|| line.strip_suffix(": not found"));
        if let Some(found) = name.and_then(program) {
            return Some(found);
        }
    }
    if let Some(rest) = line
        .strip_prefix("env: ")
        .or_else(|| line.strip_prefix("/usr/bin/env: "))
        && let Some(name) = rest.strip_suffix(": No such file or directory")
    {
        return program(name);
    }
    // `make: gcc: No such file or directory`.
    if let Some(rest) = line.strip_prefix("make: ")
        && let Some(name) = rest.strip_suffix(": No such file or directory")
        && !name.contains(' ')
    {
        return program(name);
    }
    if let Some(rest) = line.strip_prefix("error: no such command: ") {
        return Some(format!(
            "cargo's command {} is not in the image",
            quoted(rest)
        ));
    }
    // `/usr/bin/python3: No module named pytest`: what was asked for by name,
    // not what a source file imports.
    let (program_name, module) = line.split_once(": No module named ")?;
    let runs_python = program_name
        .rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with("python"));
    (runs_python && !program_name.contains(' '))
        .then(|| format!("the Python module {} is not in the image", quoted(module)))
}

/// A line from there on, and more of it where its end is shorter than a quote.
fn quoted_from(line: &str, at: usize) -> String {
    let over = line.chars().count().saturating_sub(QUOTED_CHARS);
    let left_out = line[..at].chars().count().min(over);
    match line.char_indices().nth(left_out) {
        Some((from, _)) if left_out > 0 => format!("…{}", quoted(&line[from..])),
        _ => quoted(line),
    }
}

fn quoted(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(QUOTED_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_change_cannot_mend_is_named() {
        for (ended, output, words) in [
            (Ended::Code(127), "sh: 1: cargo: not found", "`cargo`"),
            (
                Ended::Code(2),
                "/bin/sh: line 3: go: command not found",
                "`go`",
            ),
            (
                Ended::Code(2),
                "make: gcc: No such file or directory",
                "`gcc`",
            ),
            (
                Ended::Code(127),
                "env: 'node': No such file or directory",
                "`node`",
            ),
            (
                Ended::Code(127),
                "sh: 1: Datei nicht gefunden",
                "is not in the image",
            ),
            (
                Ended::Code(1),
                "/usr/bin/python3: No module named pytest",
                "module pytest",
            ),
            (
                Ended::Code(101),
                "error: no such command: `clippy`",
                "`clippy`",
            ),
            (
                Ended::Code(1),
                "Error: listen EADDRINUSE: address already in use :::80",
                "in use",
            ),
            (
                Ended::Code(1),
                "OSError: [Errno 28] No space left on device",
                "full",
            ),
            (
                Ended::Code(1),
                "browserType.launch: Executable doesn't exist at /x",
                "browser",
            ),
            (
                Ended::Code(1),
                "curl: (56) CONNECT tunnel failed, response 403",
                "refused",
            ),
            (
                Ended::Code(1),
                "npm error request to x failed, reason: getaddrinfo EAI_AGAIN x",
                "refused",
            ),
            (
                Ended::Code(1),
                "Exception in thread \"main\" java.net.UnknownHostException: repo.example",
                "refused",
            ),
            (
                Ended::Code(1),
                "The JAVA_HOME environment variable is not defined correctly,",
                "JDK",
            ),
            (
                Ended::Code(1),
                "ERROR: JAVA_HOME is not set and no 'java' command could be found in your PATH.",
                "JDK",
            ),
            (Ended::OutOfMemory, "", "memory"),
        ] {
            let why = reason(&ended, &[output]).unwrap_or_else(|| panic!("{output}"));
            assert!(why.contains(words), "{output}: {why}");
        }
    }

    #[test]
    fn what_the_change_may_be_to_blame_for_is_not() {
        for output in [
            "ModuleNotFoundError: No module named 'shop'",
            "E   ModuleNotFoundError: No module named 'shop'",
            "error: cannot find value `x` in this scope",
            "AssertionError: command not found",
            "404 page not found",
            "cat: data.txt: No such file or directory",
            "[WARNING] Could not transfer metadata a:b:1-SNAPSHOT/maven-metadata.xml from/to shop",
            "[ERROR] Could not transfer artifact a:b:pom:1 from/to maven-default-http-blocker",
            "[ERROR] Could not transfer artifact a:b:pom:1 from/to own: status code: 401",
            "Caused by: java.net.UnknownHostException: db",
            "wget: Failed to fetch https://repo.example/apache-maven-9.9.9-bin.zip",
        ] {
            assert_eq!(reason(&Ended::Code(1), &[output]), None, "{output}");
        }
    }

    #[test]
    fn a_long_line_is_quoted_from_what_was_found() {
        let sign = "Could not transfer artifact";
        let line = format!("{} {sign} a:b:1{}", "é".repeat(400), " é".repeat(400));
        let said = reason(&Ended::Code(1), &[line.as_str()]).unwrap_or_default();
        assert!(said.contains(&format!(": …{sign} a:b:1 é")), "{said}");
        let line = format!("{} {sign} a:b:1", "é".repeat(400));
        let said = reason(&Ended::Code(1), &[line.as_str()]).unwrap_or_default();
        assert!(said.contains(": …éé") && said.ends_with(" a:b:1"), "{said}");
    }
}
