//! HTML laid out as text, on a thread of its own: what a stranger's page costs
//! is bounded in time, in memory, and in how many are laid out at once.

use super::nesting;
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How wide text from a page is laid out, in characters.
const WIDTH: usize = 100;

/// The most bytes of HTML that are laid out; it takes time on one core.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// How long a page may be parsed. Large ones take a tenth of a second.
const MAX_PARSE: Duration = Duration::from_secs(5);

/// How much is parsed between two looks at the clock.
const PIECE_BYTES: usize = 256;

/// Pages of all runs that are laid out at once. A place belongs to the work and
/// not to who waits for it: work goes on when its run is over.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));

/// Why there is no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LayoutError {
    /// Its elements are nested too deeply, or in a way that cannot be told.
    TooDeep,
    /// The parser stumbled, or took too long.
    Failed,
}

/// The text of a page; of a long one, of its beginning.
pub(super) async fn lay_out(page: Bytes) -> Result<String, LayoutError> {
    let page = page.slice(..page.len().min(MAX_BYTES));
    let place = PLACES.clone().acquire_owned().await;
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        if !nesting::is_bounded(&page) {
            return Err(LayoutError::TooDeep);
        }
        let timed = Timed {
            page: &page,
            until: Instant::now() + MAX_PARSE,
        };
        html2text::from_read(timed, WIDTH).map_err(|_| LayoutError::Failed)
    });
    // What a parser stumbles over must not take a run down.
    work.await.unwrap_or(Err(LayoutError::Failed))
}

/// A page in small pieces, and none once the time is over: whoever parses it
/// stops there.
struct Timed<'p> {
    page: &'p [u8],
    until: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if Instant::now() >= self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let most = into.len().min(PIECE_BYTES);
        self.page.read(&mut into[..most])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_laid_out_and_one_that_goes_down_for_ever_is_not() {
        let page = format!("<p>{}</p><b>end</b>", "word ".repeat(1_000));
        let text = lay_out(page.into()).await.expect("it is laid out");
        assert_eq!(text.matches("word").count(), 1_000);
        assert!(text.contains("end"), "{text}");
        let deep = "<div>".repeat(MAX_BYTES / 5);
        assert_eq!(lay_out(deep.into()).await, Err(LayoutError::TooDeep));
    }

    #[test]
    fn a_page_ends_with_its_time() {
        let until = Instant::now();
        let mut timed = Timed {
            page: b"<p>",
            until,
        };
        let error = timed.read(&mut [0; 8]).expect_err("it is over");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        timed.until = until + Duration::from_secs(3_600);
        assert_eq!(timed.read(&mut [0; 8]).expect("it reads"), 3);
    }
}
