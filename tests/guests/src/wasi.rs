//! The parts of WASI 0.2 that guests for tests ask for, as WIT, and connectors
//! that import them. A host links an interface by what is used of it, so what
//! is left out here does not matter; variants and enums are whole.

use crate::component;

const IO: &str = "package wasi:io@0.2.0;
interface error { resource error; }
interface poll {
  resource pollable { block: func(); }
  poll: func(in: list<borrow<pollable>>) -> list<u32>;
}
interface streams {
  use error.{error};
  variant stream-error { last-operation-failed(error), closed }
  resource output-stream {
    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
  }
}";

const CLOCKS: &str = "package wasi:clocks@0.2.0;
interface monotonic-clock {
  use wasi:io/poll@0.2.0.{pollable};
  subscribe-duration: func(when: u64) -> pollable;
}";

const RANDOM: &str = "package wasi:random@0.2.0;
interface random { get-random-bytes: func(len: u64) -> list<u8>; }";

const CLI: &str = "package wasi:cli@0.2.0;
interface exit { exit: func(status: result); }
interface environment { get-environment: func() -> list<tuple<string, string>>; }
interface stdout {
  use wasi:io/streams@0.2.0.{output-stream};
  get-stdout: func() -> output-stream;
}";

const FILESYSTEM: &str = "package wasi:filesystem@0.2.0;
interface types {
  enum error-code {
    access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large,
    illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory, loop,
    too-many-links, message-size, name-too-long, no-device, no-entry, no-lock,
    insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable,
    unsupported, no-tty, no-such-device, overflow, not-permitted, pipe, read-only, invalid-seek,
    text-file-busy, cross-device,
  }
  flags path-flags { symlink-follow }
  flags open-flags { create, directory, exclusive, truncate }
  flags descriptor-flags {
    read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory,
  }
  resource descriptor {
    read: func(length: u64, offset: u64) -> result<tuple<list<u8>, bool>, error-code>;
    write: func(buffer: list<u8>, offset: u64) -> result<u64, error-code>;
    open-at: func(path-flags: path-flags, path: string, open-flags: open-flags,
      %flags: descriptor-flags) -> result<descriptor, error-code>;
    symlink-at: func(old-path: string, new-path: string) -> result<_, error-code>;
    unlink-file-at: func(path: string) -> result<_, error-code>;
    readlink-at: func(path: string) -> result<string, error-code>;
    rename-at: func(old-path: string, new-descriptor: borrow<descriptor>, new-path: string)
      -> result<_, error-code>;
    link-at: func(old-path-flags: path-flags, old-path: string,
      new-descriptor: borrow<descriptor>, new-path: string) -> result<_, error-code>;
  }
}
interface preopens {
  use types.{descriptor};
  get-directories: func() -> list<tuple<descriptor, string>>;
}";

/// The names of `wasi:filesystem`'s `error-code`, in order.
pub const FILE_ERRORS: [&str; 37] = [
    "access",
    "would-block",
    "already",
    "bad-descriptor",
    "busy",
    "deadlock",
    "quota",
    "exist",
    "file-too-large",
    "illegal-byte-sequence",
    "in-progress",
    "interrupted",
    "invalid",
    "io",
    "is-directory",
    "loop",
    "too-many-links",
    "message-size",
    "name-too-long",
    "no-device",
    "no-entry",
    "no-lock",
    "insufficient-memory",
    "insufficient-space",
    "not-directory",
    "not-empty",
    "not-recoverable",
    "unsupported",
    "no-tty",
    "no-such-device",
    "overflow",
    "not-permitted",
    "pipe",
    "read-only",
    "invalid-seek",
    "text-file-busy",
    "cross-device",
];

const SOCKETS: &str = "package wasi:sockets@0.2.0;
interface network {
  resource network;
  enum error-code {
    unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
    concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
    address-not-bindable, address-in-use, remote-unreachable, connection-refused,
    connection-reset, connection-aborted, datagram-too-large, name-unresolvable,
    temporary-resolver-failure, permanent-resolver-failure,
  }
  enum ip-address-family { ipv4, ipv6 }
}
interface instance-network {
  use network.{network};
  instance-network: func() -> network;
}
interface ip-name-lookup {
  use network.{network, error-code};
  resource resolve-address-stream;
  resolve-addresses: func(network: borrow<network>, name: string)
    -> result<resolve-address-stream, error-code>;
}
interface tcp { resource tcp-socket; }
interface tcp-create-socket {
  use network.{error-code, ip-address-family};
  use tcp.{tcp-socket};
  create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
}";

/// The names of `wasi:sockets`' `error-code`, in order.
pub const SOCKET_ERRORS: [&str; 21] = [
    "unknown",
    "access-denied",
    "not-supported",
    "invalid-argument",
    "out-of-memory",
    "timeout",
    "concurrency-conflict",
    "not-in-progress",
    "would-block",
    "invalid-state",
    "new-socket-limit",
    "address-not-bindable",
    "address-in-use",
    "remote-unreachable",
    "connection-refused",
    "connection-reset",
    "connection-aborted",
    "datagram-too-large",
    "name-unresolvable",
    "temporary-resolver-failure",
    "permanent-resolver-failure",
];

const HTTP: &str = "package wasi:http@0.2.0;
interface types {
  use wasi:io/poll@0.2.0.{pollable};
  use wasi:io/streams@0.2.0.{output-stream};
  variant scheme { HTTP, HTTPS, other(string) }
  record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
  record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
  record field-size-payload { field-name: option<string>, field-size: option<u32> }
  variant error-code {
    DNS-timeout,
    DNS-error(DNS-error-payload),
    destination-not-found,
    destination-unavailable,
    destination-IP-prohibited,
    destination-IP-unroutable,
    connection-refused,
    connection-terminated,
    connection-timeout,
    connection-read-timeout,
    connection-write-timeout,
    connection-limit-reached,
    TLS-protocol-error,
    TLS-certificate-error,
    TLS-alert-received(TLS-alert-received-payload),
    HTTP-request-denied,
    HTTP-request-length-required,
    HTTP-request-body-size(option<u64>),
    HTTP-request-method-invalid,
    HTTP-request-URI-invalid,
    HTTP-request-URI-too-long,
    HTTP-request-header-section-size(option<u32>),
    HTTP-request-header-size(option<field-size-payload>),
    HTTP-request-trailer-section-size(option<u32>),
    HTTP-request-trailer-size(field-size-payload),
    HTTP-response-incomplete,
    HTTP-response-header-section-size(option<u32>),
    HTTP-response-header-size(field-size-payload),
    HTTP-response-body-size(option<u64>),
    HTTP-response-trailer-section-size(option<u32>),
    HTTP-response-trailer-size(field-size-payload),
    HTTP-response-transfer-coding(option<string>),
    HTTP-response-content-coding(option<string>),
    HTTP-response-timeout,
    HTTP-upgrade-failed,
    HTTP-protocol-error,
    loop-detected,
    configuration-error,
    internal-error(option<string>),
  }
  resource fields { constructor(); }
  resource outgoing-request {
    constructor(headers: fields);
    set-scheme: func(scheme: option<scheme>) -> result;
    set-authority: func(authority: option<string>) -> result;
    set-path-with-query: func(path-with-query: option<string>) -> result;
  }
  resource request-options { constructor(); }
  resource incoming-response { status: func() -> u16; }
  resource incoming-request;
  resource outgoing-body {
    write: func() -> result<output-stream>;
    finish: static func(this: outgoing-body, trailers: option<fields>) -> result<_, error-code>;
  }
  resource outgoing-response {
    constructor(headers: fields);
    body: func() -> result<outgoing-body>;
  }
  resource response-outparam {
    set: static func(param: response-outparam, response: result<outgoing-response, error-code>);
  }
  resource future-incoming-response {
    subscribe: func() -> pollable;
    get: func() -> option<result<result<incoming-response, error-code>>>;
  }
}
interface incoming-handler {
  use types.{incoming-request, response-outparam};
  handle: func(request: incoming-request, response-out: response-outparam);
}
interface outgoing-handler {
  use types.{outgoing-request, request-options, future-incoming-response, error-code};
  handle: func(request: outgoing-request, options: option<request-options>)
    -> result<future-incoming-response, error-code>;
}";

/// The cases of `wasi:http`'s `error-code` in order, in the words of
/// `sortie:host/http`; the host gives no other.
pub const HTTP_ERRORS: [&str; 39] = {
    let mut names = ["another"; 39];
    names[3] = "unreachable";
    names[8] = "timed-out";
    names[15] = "denied";
    names[17] = "too-large";
    names[19] = "invalid";
    names[28] = "too-large";
    names[35] = "failed";
    names
};

/// Every package of WASI that is written down here.
pub const PACKAGES: [&str; 7] = [IO, CLOCKS, RANDOM, CLI, FILESYSTEM, SOCKETS, HTTP];

/// A connector that also imports `interfaces`, such as
/// `wasi:random/random@0.2.0`, out of its module's text.
pub fn connector(interfaces: &[&str], wat: &str) -> Vec<u8> {
    let imports: String = interfaces
        .iter()
        .map(|interface| format!("import {interface};\n"))
        .collect();
    let world = format!(
        "package test:guest@0.1.0;
        world guest {{
          {imports}
          include sortie:connector/job-connector@0.1.0;
        }}"
    );
    let mut wit = PACKAGES.to_vec();
    wit.push(&world);
    component(&["host", "connector"], &wit, "guest", wat)
}
