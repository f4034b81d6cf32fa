//! Finds out whether a message was sent by a host that died, or by a request
//! whose answer was lost. Sending has no key, but every message of a chat has a
//! higher id than those before, and an edit tells whether one is ours: so the
//! ids above the one that was the newest are edited to the very content, which
//! changes nothing. No other message of a chat is begun while one is in doubt, so
//! one of ours above that id is the one.

use crate::limits::{PROBE_AHEAD, PROBES};
use crate::verdict::{self, Verdict};
use teloxide_core::{ApiError, RequestError};

/// The id of the message, if it is there: above `floor`, and not far above the
/// newest id that is known. `probe` edits the message of an id.
///
/// # Errors
///
/// When an answer says nothing about the message; to be tried later.
pub(crate) async fn find<F>(
    floor: i64,
    newest: i64,
    mut probe: impl FnMut(i64) -> F + Send,
) -> Result<Option<i64>, RequestError>
where
    F: Future<Output = Result<(), RequestError>> + Send,
{
    let last = newest.max(floor).saturating_add(PROBE_AHEAD);
    for id in (floor.saturating_add(1)..=last).take(PROBES) {
        match probe(id).await {
            Ok(()) => return Ok(Some(id)),
            Err(error) if is_the_same(&error) => return Ok(Some(id)),
            Err(error) => match verdict::of(&error) {
                // Not there, not ours, or nothing that has such a content.
                Verdict::Done | Verdict::Wrong(_) => {}
                Verdict::Gone | Verdict::Moved(_) | Verdict::Again(_) => return Err(error),
            },
        }
    }
    Ok(None)
}

fn is_the_same(error: &RequestError) -> bool {
    match error {
        RequestError::Api(ApiError::MessageNotModified) => true,
        RequestError::Api(ApiError::Unknown(text)) => text.contains("message is not modified"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    enum There {
        Ours,
        OursChanged,
        Other,
    }

    /// Looks for a message above 10 in a chat that holds those.
    async fn found(there: &[(i64, There)], newest: i64) -> (Option<i64>, usize) {
        let there: BTreeMap<i64, &There> = there.iter().map(|(id, what)| (*id, what)).collect();
        let mut asked = 0;
        let found = find(10, newest, |id| {
            asked += 1;
            let answer = match there.get(&id) {
                Some(There::OursChanged) => Ok(()),
                Some(There::Ours) => Err(ApiError::MessageNotModified),
                Some(There::Other) => Err(ApiError::MessageCantBeEdited),
                None => Err(ApiError::MessageToEditNotFound),
            };
            std::future::ready(answer.map_err(RequestError::Api))
        });
        (found.await.expect("every answer says something"), asked)
    }

    #[tokio::test]
    async fn what_was_sent_is_found_behind_what_others_wrote() {
        assert_eq!(found(&[(11, There::Ours)], 10).await, (Some(11), 1));
        let behind = [
            (11, There::Other),
            (12, There::Other),
            (30, There::OursChanged),
        ];
        assert_eq!(found(&behind, 12).await, (Some(30), 20));
    }

    #[tokio::test]
    async fn what_was_not_sent_is_not_found_and_the_search_ends() {
        assert_eq!(found(&[(11, There::Other)], 11).await, (None, 41));
        assert_eq!(found(&[], 1_000_000).await, (None, PROBES));
    }

    #[tokio::test]
    async fn an_answer_that_says_nothing_ends_the_search_without_a_result() {
        let pause = teloxide_core::types::Seconds::from_seconds(3);
        let found = find(0, 5, |_| {
            std::future::ready(Err(RequestError::RetryAfter(pause)))
        })
        .await;
        assert!(matches!(found, Err(RequestError::RetryAfter(_))));
    }
}
