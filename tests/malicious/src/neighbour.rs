//! What honest calls are given: a change of one file, and an outside that
//! answers.

use std::sync::Arc;

use async_trait::async_trait;
use sortie_model::diff::{ChangeKind, DiffError, DiffSource, FileChange, Hunk};
use sortie_plugins::outside::{
    ChatError, ChatMessage, ChatPlace, Http, HttpError, HttpRequest, HttpResponse, JobsError,
    KvError, Outside, Submission,
};
use tokio::sync::Barrier;

/// A change of `src/a.rs` without lines.
pub struct Change(Vec<FileChange>);

impl Change {
    /// It, ready to be scanned.
    pub fn shared() -> Arc<dyn DiffSource> {
        Arc::new(Self(vec![FileChange {
            old_path: Some("src/a.rs".into()),
            new_path: Some("src/a.rs".into()),
            kind: ChangeKind::Modified,
            binary: false,
            old_mode: 0o100_644,
            new_mode: 0o100_644,
            additions: 1,
            deletions: 1,
        }]))
    }
}

impl DiffSource for Change {
    fn files(&self) -> &[FileChange] {
        &self.0
    }

    fn page(&self, _: usize, _: u32, _: usize) -> Result<Vec<Hunk>, DiffError> {
        Ok(Vec::new())
    }

    fn before(&self, _: usize) -> Result<Option<Vec<u8>>, DiffError> {
        Ok(None)
    }

    fn after(&self, _: usize) -> Result<Option<Vec<u8>>, DiffError> {
        Ok(None)
    }
}

/// An outside that takes everything and keeps nothing, so that only the
/// bounds of a call stand in a guest's way; or one that never answers.
pub(crate) struct Stranger {
    pub(crate) silent: bool,
}

#[async_trait]
impl Outside for Stranger {
    fn http(&self) -> Option<Arc<dyn Http>> {
        Some(Arc::new(Self {
            silent: self.silent,
        }))
    }

    async fn submit(&mut self, _: Submission) -> Result<u64, JobsError> {
        Ok(1)
    }

    async fn chat_send(&mut self, _: ChatPlace, _: ChatMessage) -> Result<u64, ChatError> {
        Ok(1)
    }

    async fn chat_acknowledge(&mut self, _: String, _: Option<String>) -> Result<(), ChatError> {
        Ok(())
    }

    async fn kv_put(&mut self, _: String, _: Option<Vec<u8>>) -> Result<(), KvError> {
        Ok(())
    }

    async fn kv_get(&mut self, _: String) -> Result<Option<Vec<u8>>, String> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        Ok(None)
    }
}

#[async_trait]
impl Http for Stranger {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: b"hello".to_vec(),
        })
    }
}

/// Answers when as many ask at once as the barrier is for.
pub(crate) struct Together(pub(crate) Arc<Barrier>);

#[async_trait]
impl Outside for Together {
    fn http(&self) -> Option<Arc<dyn Http>> {
        Some(Arc::new(Self(Arc::clone(&self.0))))
    }
}

#[async_trait]
impl Http for Together {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.0.wait().await;
        Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: b"together".to_vec(),
        })
    }
}
