//! Where a run stands between two calls, and how that is written down.

/// The step that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// An agent that may only read makes a plan.
    Plan,
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

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The step that is under way.
    pub(crate) stage: Stage,
    /// How often the agent was launched to write, from 1; 0 while it plans.
    pub(crate) round: u32,
    /// The last failure and how often it came in a row.
    pub(crate) failure: Failure,
    /// The agent's own account, for the end.
    pub(crate) summary: String,
    /// The plan as the next prompts show it; empty without one.
    pub(crate) plan: String,
}

/// A failed verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What makes it the same failure again: the command and what it said.
    pub(crate) mark: String,
    /// How often it came in a row; 0 before the first.
    pub(crate) times: u32,
}

/// The version of the encoding, its first byte. Version 1 knew one round and
/// no plan.
const VERSION: u8 = 2;

impl State {
    /// The beginning of a run.
    pub(crate) fn first(stage: Stage) -> Self {
        Self {
            stage,
            round: u32::from(stage == Stage::Agent),
            failure: Failure::default(),
            summary: String::new(),
            plan: String::new(),
        }
    }

    /// The role of the agent that works now: from the third time of the same
    /// failure on it is to find the cause instead of trying again.
    pub(crate) fn debugs(&self) -> bool {
        self.failure.times >= 3
    }

    /// Version, stage, its index, round and times as 32-bit numbers, then each
    /// text behind its length.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (tag, index) = match self.stage {
            Stage::Agent => (0, 0),
            Stage::Verify(index) => (1, index),
            Stage::Scan => (2, 0),
            Stage::Approval => (3, 0),
            Stage::Publish => (4, 0),
            Stage::Plan => (5, 0),
        };
        let mut bytes = vec![VERSION, tag];
        for number in [index, self.round, self.failure.times] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for text in [&self.failure.mark, &self.summary, &self.plan] {
            // Texts are bounded far below 4 GiB; see `words`.
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// None for bytes that no version of this workflow wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        match rest.bytes(1)?[0] {
            1 => rest.version_1(),
            VERSION => rest.version_2(),
            _ => None,
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn version_1(mut self) -> Option<State> {
        let stage = self.stage()?;
        let mut state = State::first(Stage::Agent);
        state.stage = stage;
        state.summary = core::str::from_utf8(self.0).ok()?.into();
        (stage != Stage::Plan).then_some(state)
    }

    fn version_2(mut self) -> Option<State> {
        let state = State {
            stage: self.stage()?,
            round: self.number()?,
            failure: Failure {
                times: self.number()?,
                mark: self.text()?,
            },
            summary: self.text()?,
            plan: self.text()?,
        };
        self.0.is_empty().then_some(state)
    }

    fn stage(&mut self) -> Option<Stage> {
        let tag = self.bytes(1)?[0];
        Some(match (tag, self.number()?) {
            (0, 0) => Stage::Agent,
            (1, index) => Stage::Verify(index),
            (2, 0) => Stage::Scan,
            (3, 0) => Stage::Approval,
            (4, 0) => Stage::Publish,
            (5, 0) => Stage::Plan,
            _ => return None,
        })
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes(4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()?;
        let bytes = self.bytes(usize::try_from(length).ok()?)?;
        Some(core::str::from_utf8(bytes).ok()?.into())
    }

    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}
