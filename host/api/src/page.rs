//! Pages of lists that are read by number, newest first: one row more than is
//! shown is asked for, so that the last page says it is the last.

use crate::limits;
use crate::problem::{Kind, Problem};
use sortie_store::MessageState;

/// A page.
pub(crate) struct Page(u32);

impl Page {
    /// A page of so many.
    pub(crate) fn of(limit: Option<u32>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(limits::DEFAULT_PAGE);
        match (1..=limits::MAX_PAGE).contains(&limit) {
            true => Ok(Self(limit)),
            false => Err(Problem::new(
                Kind::BadRequest,
                format!(
                    "read the query: limit {limit} is not allowed; write 1 to {}",
                    limits::MAX_PAGE
                ),
            )),
        }
    }

    /// How many to ask for.
    pub(crate) fn asked(&self) -> u32 {
        self.0 + 1
    }

    /// What is shown, and what the next page is before.
    pub(crate) fn cut<T>(
        &self,
        mut found: Vec<T>,
        number: impl Fn(&T) -> u64,
    ) -> (Vec<T>, Option<u64>) {
        let shown = usize::try_from(self.0).unwrap_or(usize::MAX);
        let more = found.len() > shown;
        found.truncate(shown);
        let next = found.last().filter(|_| more).map(number);
        (found, next)
    }
}

/// The state of that name.
pub(crate) fn state(name: Option<&str>) -> Result<Option<MessageState>, Problem> {
    name.map(|name| {
        MessageState::parse(name).ok_or_else(|| {
            let known: Vec<&str> = MessageState::ALL.iter().map(|s| s.as_str()).collect();
            Problem::new(
                Kind::BadRequest,
                format!(
                    "read the query: there is no state {:?}; known: {}",
                    name.chars().take(40).collect::<String>(),
                    known.join(", ")
                ),
            )
        })
    })
    .transpose()
}
