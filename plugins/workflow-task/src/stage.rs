//! Where a run stands between two calls, and how that is written down.

/// The step that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The agent works.
    Agent,
    /// The verification command of this index runs.
    Verify(u32),
    /// The scanners judge.
    Scan,
    /// A person is asked.
    Approval,
    /// The result goes out.
    Publish,
}

/// What is remembered: the stage and the agent's own account for the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) stage: Stage,
    pub(crate) summary: String,
}

/// The version of the encoding, its first byte.
const VERSION: u8 = 1;

impl State {
    /// One byte of version, one of stage, four of index, then the summary.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (tag, index) = match self.stage {
            Stage::Agent => (0, 0),
            Stage::Verify(index) => (1, index),
            Stage::Scan => (2, 0),
            Stage::Approval => (3, 0),
            Stage::Publish => (4, 0),
        };
        let mut bytes = vec![VERSION, tag];
        bytes.extend_from_slice(&index.to_le_bytes());
        bytes.extend_from_slice(self.summary.as_bytes());
        bytes
    }

    /// None for bytes that this version did not write.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[version, tag, a, b, c, d], summary) = bytes.split_first_chunk()?;
        let index = u32::from_le_bytes([a, b, c, d]);
        let stage = match (version, tag, index) {
            (VERSION, 0, 0) => Stage::Agent,
            (VERSION, 1, index) => Stage::Verify(index),
            (VERSION, 2, 0) => Stage::Scan,
            (VERSION, 3, 0) => Stage::Approval,
            (VERSION, 4, 0) => Stage::Publish,
            _ => return None,
        };
        Some(Self {
            stage,
            summary: core::str::from_utf8(summary).ok()?.into(),
        })
    }
}
