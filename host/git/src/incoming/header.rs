//! The head of a bundle, read by hand: git would happily list a hundred
//! thousand refs before it says no.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::BundleFault;
use crate::{CommitId, GitError, Limits};

/// The longest line: an id and a ref name or subject.
const MAX_LINE_BYTES: u64 = 4096;

/// More than a merge of many old branches would need.
const MAX_PREREQUISITES: usize = 64;

/// What a bundle says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) head: CommitId,
    pub(super) prerequisites: Vec<CommitId>,
    pub(super) pack_offset: u64,
    pub(super) objects: u32,
    pub(super) bytes: u64,
}

/// A fault of the bundle, or of the disk it is on.
#[derive(Debug)]
pub(super) enum HeaderError {
    Fault(BundleFault),
    Io(io::Error),
}

impl From<BundleFault> for HeaderError {
    fn from(fault: BundleFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for HeaderError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl HeaderError {
    pub(super) fn into_git_error(self, bundle: &Path) -> GitError {
        match self {
            Self::Fault(fault) => fault.into(),
            Self::Io(error) => GitError::io("read the bundle", bundle)(error),
        }
    }
}

impl Header {
    pub(super) fn read(
        file: &mut File,
        expected_ref: &str,
        limits: &Limits,
    ) -> Result<Self, HeaderError> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(BundleFault::BadHeader("it is not a file").into());
        }
        let bytes = metadata.len();
        if bytes > limits.max_bundle_bytes {
            let limit = limits.max_bundle_bytes;
            return Err(BundleFault::TooLarge { bytes, limit }.into());
        }
        let header = Self::parse(BufReader::new(file), bytes, expected_ref)?;
        if header.objects > limits.max_bundle_objects {
            return Err(BundleFault::TooManyObjects {
                objects: header.objects,
                limit: limits.max_bundle_objects,
            }
            .into());
        }
        Ok(header)
    }

    fn parse(
        mut reader: impl BufRead,
        bytes: u64,
        expected_ref: &str,
    ) -> Result<Self, HeaderError> {
        let bad = BundleFault::BadHeader;
        let mut offset = 0;
        let mut line = || -> Result<Vec<u8>, HeaderError> {
            let mut line = Vec::new();
            let read = (&mut reader)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)?;
            offset += read as u64;
            match line.pop() {
                Some(b'\n') => Ok(line),
                Some(_) if read as u64 == MAX_LINE_BYTES => Err(bad("a line is too long").into()),
                _ => Err(bad("it ends within its head").into()),
            }
        };
        let signature = line()?;
        let version_3 = match signature.as_slice() {
            b"# v2 git bundle" => false,
            b"# v3 git bundle" => true,
            _ => return Err(bad("it does not start like a bundle").into()),
        };
        let mut head = None;
        let mut prerequisites = Vec::new();
        loop {
            let text = line()?;
            match text.first() {
                None => break,
                Some(b'@') if version_3 => {
                    let known = matches!(
                        text.as_slice(),
                        b"@object-format=sha1" | b"@object-format=sha256"
                    );
                    if !known {
                        return Err(bad("it needs a capability that is not allowed").into());
                    }
                }
                Some(b'-') => {
                    // The text after the id is a commit's subject, and free.
                    let id = text[1..].split(|b| *b == b' ').next().unwrap_or_default();
                    if prerequisites.len() == MAX_PREREQUISITES {
                        return Err(bad("it names too many prerequisites").into());
                    }
                    prerequisites.push(commit_id(id)?);
                }
                Some(_) => {
                    let text = String::from_utf8_lossy(&text);
                    let (id, name) = text.split_once(' ').ok_or(bad("a ref line is malformed"))?;
                    if name != expected_ref || head.is_some() {
                        return Err(BundleFault::UnexpectedRef(shown(name)).into());
                    }
                    head = Some(commit_id(id.as_bytes())?);
                }
            }
        }
        let head = head.ok_or_else(|| BundleFault::MissingRef(expected_ref.to_owned()))?;
        let pack_offset = offset;
        let mut pack = [0; 12];
        reader
            .read_exact(&mut pack)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => bad("it ends before its objects").into(),
                _ => HeaderError::Io(error),
            })?;
        if &pack[..8] != b"PACK\0\0\0\x02" {
            return Err(bad("no pack follows its head").into());
        }
        let objects = u32::from_be_bytes([pack[8], pack[9], pack[10], pack[11]]);
        Ok(Self {
            head,
            prerequisites,
            pack_offset,
            objects,
            bytes,
        })
    }
}

fn commit_id(text: &[u8]) -> Result<CommitId, BundleFault> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or(BundleFault::BadHeader("an object id is malformed"))
}

fn shown(name: &str) -> String {
    name.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REF: &str = "refs/heads/sortie/out";

    fn parse(bytes: &[u8]) -> Result<Header, BundleFault> {
        Header::parse(bytes, bytes.len() as u64, REF).map_err(|e| match e {
            HeaderError::Fault(fault) => fault,
            HeaderError::Io(error) => panic!("memory does not fail: {error}"),
        })
    }

    fn with_head(head: &str) -> Vec<u8> {
        let mut bytes = head.as_bytes().to_vec();
        bytes.extend_from_slice(b"PACK\0\0\0\x02\0\0\0\x07rest");
        bytes
    }

    #[test]
    fn a_good_head_is_read() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let head = format!("# v2 git bundle\n-{b} a subject\n{a} {REF}\n\n");
        let header = parse(&with_head(&head)).expect("it is good");
        assert_eq!(header.head.as_str(), a);
        assert_eq!(header.prerequisites[0].as_str(), b);
        assert_eq!((header.pack_offset, header.objects), (head.len() as u64, 7));
    }

    #[test]
    fn faults_have_names() {
        let a = "a".repeat(40);
        let fault = |head: &str| parse(&with_head(head)).expect_err(head);
        assert!(
            matches!(fault(&format!("# v2 git bundle\n{a} {REF}\n{a} refs/heads/x\n\n")), BundleFault::UnexpectedRef(r) if r == "refs/heads/x")
        );
        assert!(matches!(
            fault(&format!("# v2 git bundle\n{a} {REF}\n{a} {REF}\n\n")),
            BundleFault::UnexpectedRef(_)
        ));
        assert!(matches!(
            fault(&format!("# v2 git bundle\n{a} HEAD\n\n")),
            BundleFault::UnexpectedRef(_)
        ));
        assert!(matches!(
            fault("# v2 git bundle\n\n"),
            BundleFault::MissingRef(_)
        ));
        for bad in [
            "".to_owned(),
            "# v9 git bundle\n\n".to_owned(),
            format!("# v2 git bundle\nzz {REF}\n\n"),
            format!("# v2 git bundle\n{a}\n\n"),
            format!("# v2 git bundle\n@filter=blob:none\n{a} {REF}\n\n"),
            format!("# v3 git bundle\n@filter=blob:none\n{a} {REF}\n\n"),
            format!("# v2 git bundle\n-{a} {}\n", "x".repeat(5000)),
            format!("# v2 git bundle\n{}", format!("-{a}\n").repeat(65)),
        ] {
            let fault = fault(&bad);
            assert!(
                matches!(fault, BundleFault::BadHeader(_)),
                "{bad}: {fault:?}"
            );
        }
        assert!(matches!(
            parse(format!("# v2 git bundle\n{a} {REF}\n\nPAC").as_bytes()),
            Err(BundleFault::BadHeader(_))
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let mut started = b"# v3 git bundle\n".to_vec();
            started.extend_from_slice(&bytes);
            let _ = parse(&started);
        }
    }
}
