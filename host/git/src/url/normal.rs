//! The parts of a remote URL: which are accepted, and the one way each is
//! written. Never looks anything up.

use percent_encoding::percent_decode_str;
use url::Host;

/// The path with its percent-encoding undone, when that is one path and no
/// other.
pub(super) fn decoded(path: &str) -> Result<String, &'static str> {
    let decoded = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| "the path is not UTF-8")?;
    if decoded.chars().any(char::is_control) {
        return Err("it holds control characters");
    }
    if decoded.matches('/').count() != path.matches('/').count() || decoded.contains('\\') {
        return Err("it holds an encoded slash or backslash; write the path plainly");
    }
    Ok(decoded.into_owned())
}

/// The path without the slashes around it, when it leads to one place only.
pub(super) fn network_path(path: &str) -> Result<&str, &'static str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Err("the path is missing");
    }
    check_segments(path.split('/'))?;
    Ok(path)
}

pub(super) fn check_segments<'a>(
    mut segments: impl Iterator<Item = &'a str>,
) -> Result<(), &'static str> {
    match segments.find(|part| matches!(*part, "" | "." | "..")) {
        None => Ok(()),
        Some("") => Err("its path holds '//'; write one '/'"),
        Some(_) => Err("its path holds '.' or '..'; write the path it leads to"),
    }
}

/// The path with nothing encoded that RFC 3986 calls unreserved (section 2.3),
/// and upper-case digits in what is.
pub(super) fn plainly_encoded(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                plain.push(char::from(byte));
                rest = &after[2..];
            }
            Some(byte) => {
                plain.push_str(&format!("%{byte:02X}"));
                rest = &after[2..];
            }
            None => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// The host as all spellings of it are written: lower case, no last dot, one
/// form of each address.
pub(super) fn host(host: &str) -> Result<String, &'static str> {
    let bare = host.strip_suffix('.').unwrap_or(host);
    if bare.split('.').any(str::is_empty) {
        return Err("the host is not a host name");
    }
    match Host::parse(bare) {
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err("the host is not a host name"),
    }
}

/// ssh takes what starts with '-' for an option, and the rest is expanded by
/// some configurations: only what a host name is made of goes through.
pub(super) fn check_host(host: &str) -> Result<(), &'static str> {
    let inner = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if inner.is_empty() {
        return Err("the host is missing");
    }
    let ok = if inner == host {
        host.bytes().all(fits) && !host.starts_with('-')
    } else {
        inner.parse::<std::net::Ipv6Addr>().is_ok()
    };
    if ok {
        Ok(())
    } else {
        Err("the host is not a host name")
    }
}

pub(super) fn check_user(user: &str) -> Result<(), &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if user.starts_with('-') || !user.bytes().all(fits) {
        return Err("the user is not a plain name");
    }
    Ok(())
}
